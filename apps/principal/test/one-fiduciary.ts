import { cast, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';

/** A principal whose orders have one fiduciary; that and the beneficiary are played. */
export interface OneFiduciary {
  readonly rig: RoleRig;
  readonly members: Cast;
  readonly options: PrincipalOptions;
  readonly peers: PlayedPeers;
}

export async function startWithOneFiduciary(): Promise<OneFiduciary> {
  const rig = await RoleRig.open();
  const members = await cast();
  const { p, b, f1 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity]);
  const options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid] };
  const peers = await PlayedPeers.serve(rig, members);
  await rig.start(startPrincipal, options);
  return { rig, members, options, peers };
}
