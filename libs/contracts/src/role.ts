import { z } from 'zod';

/** What a node is in an order (docs/protocol.md §1). */
export const roleSchema = z.enum(['principal', 'fiduciary', 'beneficiary']);
export type Role = z.output<typeof roleSchema>;
