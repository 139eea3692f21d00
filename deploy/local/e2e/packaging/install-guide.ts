import { readFileSync } from 'node:fs';
import { repositoryPath } from '../../src/repository.js';

export interface GuideBlock {
  /** The heading it stands under: `5. Start`. */
  heading: string;
  script: string;
  /** Whether the walk through the guide carries it out; the others say above themselves why not. */
  inTrial: boolean;
}

const OPENING = /^( *)```(\w*)$/;
const SPARED = /^ *<!-- not part of the trial(: .+)? -->$/;

/** The blocks of commands of docs/install-systemd.md, in order. */
export function readInstallGuide(): GuideBlock[] {
  const blocks: GuideBlock[] = [];
  let heading = '';
  let spared = false;
  let open: { indent: string; lines: string[] } | null = null;
  for (const line of readFileSync(repositoryPath('docs/install-systemd.md'), 'utf8').split('\n')) {
    if (open !== null) {
      if (line !== `${open.indent}\`\`\``) {
        open.lines.push(line.slice(open.indent.length));
        continue;
      }
      blocks.push({ heading, script: `${open.lines.join('\n')}\n`, inTrial: !spared });
      open = null;
      spared = false;
      continue;
    }
    const opening = OPENING.exec(line);
    if (opening !== null) {
      if (opening[2] !== 'sh') throw new Error(`the guide has a block of another kind than sh: ${line}`);
      open = { indent: opening[1] ?? '', lines: [] };
    } else if (line.startsWith('## ')) heading = line.slice(3);
    else if (SPARED.test(line)) spared = true;
  }
  return blocks;
}
