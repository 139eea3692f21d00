import * as z from 'zod';

/** EC2's ids: eight hex digits on the oldest accounts, seventeen since. */
export const instanceIdSchema = z.string().regex(/^i-[0-9a-f]{8,17}$/, 'Not an EC2 instance id');
