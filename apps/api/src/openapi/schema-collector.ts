import * as z from 'zod';
import type { JsonSchema } from './document-types.js';

export interface SchemaCollector {
  /** The schema as a document holds it: whatever carries an id is a reference into `named`. */
  describe(schema: z.ZodType, io: 'input' | 'output'): JsonSchema;
  readonly named: Record<string, JsonSchema>;
}

/** Turns zod schemas into JSON Schema 2020-12 and gathers the named ones. */
export function createSchemaCollector(): SchemaCollector {
  const named: Record<string, JsonSchema> = {};
  return {
    named,
    describe(schema, io) {
      const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, override: (at) => tidy(at, io) });
      for (const [name, definition] of Object.entries($defs)) {
        const text = pointToComponents(definition);
        const before = named[name];
        if (before && JSON.stringify(before) !== JSON.stringify(text)) {
          throw new Error(`two different schemas are called ${name}`);
        }
        named[name] = text;
      }
      return pointToComponents(root);
    },
  };
}

function tidy({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }, io: 'input' | 'output'): void {
  // zod's own patterns behind a format are pages long and say nothing the format does not.
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  delete jsonSchema.id;
  // An answer may grow new fields: clients must be told to expect that.
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
}

function pointToComponents(schema: unknown): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema;
}
