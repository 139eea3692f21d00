import * as z from 'zod';

/** Path parameters of one relay. What is not a relay id is, like a foreign one, a relay that is not there. */
export const relayPathSchema = z.object({ id: z.string() });
