import { expect, it } from '@jest/globals';
import { BodyBytes } from '../src/front-door/body-bytes.js';

it('holds a body in one piece of memory, however many it came in', () => {
  const body = new BodyBytes(100_000);
  const arrived = Buffer.alloc(1);
  for (let at = 0; at < 100_000; at += 1) {
    arrived[0] = at % 251;
    expect(body.add(arrived)).toBe(true); // the same memory again and again: only a copy keeps what it held
  }
  expect(body.bytes).toEqual(Uint8Array.from({ length: 100_000 }, (_, at) => at % 251));
  expect(body.bytes.buffer.byteLength).toBe(100_000);
});

it('takes no more memory than twice what came', () => {
  const body = new BodyBytes(256 * 1024);
  body.add(new Uint8Array(5_000));
  expect(body.bytes.buffer.byteLength).toBeLessThanOrEqual(10_000);
});

it('takes no byte beyond its limit', () => {
  const body = new BodyBytes(10);
  expect(body.add(new Uint8Array(10).fill(1))).toBe(true);
  expect(body.add(new Uint8Array(1))).toBe(false);
  expect(body.bytes).toEqual(new Uint8Array(10).fill(1));
});
