import { isIPv6 } from 'node:net';
import type { Request } from 'express';

/** What a client is told apart by: its address; of IPv6 the network of 64 bits, since one client has all addresses of that. */
export function clientOf(request: Request): string {
  return networkOf(request.ip ?? '');
}

/** An IPv4 address as it is, of an IPv6 address the first 64 bits. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [front = '', back] = address.split('%', 1).join('').split('::');
  const before = groupsOf(front);
  const after = groupsOf(back ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/** Each group of 16 bits; an IPv4 address at the end is two, which no network of 64 bits reaches. */
function groupsOf(text: string): number[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return [];
    return group.includes('.') ? [0, 0] : [Number.parseInt(group, 16)];
  });
}
