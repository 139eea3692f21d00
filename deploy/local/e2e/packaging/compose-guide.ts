import { readFileSync } from 'node:fs';
import { repositoryPath } from '../../src/repository.js';

export const GUIDE = repositoryPath('docs/install-compose.md');

/** What a block needs that a test machine has not: an engine, a running stack, an account, or another folder. */
const NEEDS_MORE = /(^|\| |=\w+ )(docker|curl|sudo|aws|cd) /m;

export interface GuideBlock {
  text: string;
  /** Whether it can be carried out as it stands, in deploy/docker. */
  runsHere: boolean;
}

/** The shell commands of docs/install-compose.md, block by block, in the order in which a reader runs them. */
export function guideBlocks(): GuideBlock[] {
  const blocks = readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, text = '']) => ({ text, runsHere: !NEEDS_MORE.test(text) }));
}

/** The one block in which the text occurs. */
export function guideBlock(part: string): string {
  const found = guideBlocks().filter(({ text }) => text.includes(part));
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} blocks of the guide hold '${part}'`);
  return found[0].text;
}
