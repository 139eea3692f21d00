import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument } from '../openapi/document-types.js';

export interface AnswerPlace {
  /** The path template. */
  path: string;
  method: string;
  status: number;
  contentType: string;
}

/** Checks bodies against the schemas of an OpenAPI document, with no help from the code that made it. */
export interface DocumentValidator {
  /** What is wrong with the body; empty when nothing is. Undefined: the document knows no such answer. */
  faults(place: AnswerPlace, body: unknown): string[] | undefined;
}

export function createDocumentValidator(document: OpenApiDocument): DocumentValidator {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // CommonJS behind an ES module name: the function is its default's default.
  addFormats.default(ajv);
  ajv.addSchema(document, 'document');
  return {
    faults({ path, method, status, contentType }, body) {
      const pointer = ['paths', path, method, 'responses', String(status), 'content', contentType, 'schema'];
      const check = ajv.getSchema(`document#/${pointer.map(escapePointer).join('/')}`);
      if (!check) return undefined;
      check(body);
      return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
    },
  };
}

function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}
