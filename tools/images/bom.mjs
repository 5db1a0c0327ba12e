import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The bill of materials of an image's npm packages, CycloneDX 1.5 as JSON: name, version, licence and hash of each package
 * at `places` of the lock. Debian's packages are not in it: scanners read them out of dpkg's own files.
 */
export function bomOf({ version, packages, places, root }) {
  const components = places.map((place) => {
    const { name, license } = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'));
    const { version: locked, integrity } = packages[place];
    const [, algorithm, hash] = /^(sha\d+)-(\S+)/.exec(integrity) ?? [];
    const purl = `pkg:npm/${name.replace('@', '%40')}@${locked}`;
    return {
      ...{ type: 'library', 'bom-ref': `${purl}#${place}`, name, version: locked, purl },
      ...(typeof license === 'string' && { licenses: [{ license: { name: license } }] }),
      ...(hash && {
        hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(hash, 'base64').toString('hex') }],
      }),
    };
  });
  const component = { type: 'application', 'bom-ref': 'dta', name: 'dta', version };
  return JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component },
    components,
  });
}
