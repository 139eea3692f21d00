import { readFile, writeFile } from 'node:fs/promises';
import { renderCatalogue, replaceCatalogue } from './dist/catalogue-doc.js';

const file = new URL('../../docs/metrics.md', import.meta.url);
await writeFile(file, replaceCatalogue(await readFile(file, 'utf8'), renderCatalogue()));
