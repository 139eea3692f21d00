import { readFileSync } from 'node:fs';
import { DockerfileParser, type ModifiableInstruction, type PropertyInstruction } from 'dockerfile-ast';
import { repositoryPath } from '../../src/repository.js';

export const DOCKERFILE = repositoryPath('deploy/docker/Dockerfile');

export interface Step {
  keyword: 'RUN' | 'COPY' | 'WORKDIR';
  /** All behind the keyword and its flags. */
  text: string;
  /** `--from=api-tree` is `from: 'api-tree'`. */
  flags: Record<string, string>;
}

/** What one FROM and the instructions behind it say; settings of a stage it is built upon are not in here. */
export interface Stage {
  name: string;
  /** An image, `scratch`, or the name of an earlier stage. */
  from: string;
  steps: Step[];
  env: Record<string, string>;
  labels: Record<string, string>;
  user: string | null;
  stopSignal: string | null;
  entrypoint: string[] | null;
  healthcheck: string[] | null;
  ports: number[];
}

function emptyStage(name: string, from: string): Stage {
  const none = { user: null, stopSignal: null, entrypoint: null, healthcheck: null };
  return { name, from, steps: [], env: {}, labels: {}, ...none, ports: [] };
}

const properties = (instruction: object): Record<string, string> =>
  Object.fromEntries(
    (instruction as PropertyInstruction).getProperties().map((p) => [p.getName(), p.getValue() ?? '']),
  );

function addInstruction(stage: Stage, instruction: ModifiableInstruction): void {
  const keyword = instruction.getKeyword();
  const text = instruction.getArgumentsContent() ?? '';
  switch (keyword) {
    case 'RUN':
    case 'COPY':
    case 'WORKDIR': {
      const flags = (instruction.getFlags?.() ?? []).map((flag) => [flag.getName(), flag.getValue() ?? '']);
      stage.steps.push({ keyword, text, flags: Object.fromEntries(flags) });
      return;
    }
    case 'ENV':
      Object.assign(stage.env, properties(instruction));
      return;
    case 'LABEL':
      Object.assign(stage.labels, properties(instruction));
      return;
    case 'USER':
      stage.user = text;
      return;
    case 'STOPSIGNAL':
      stage.stopSignal = text;
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(text);
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(text.replace(/^CMD\s+/, ''));
      return;
    case 'EXPOSE':
      stage.ports.push(...text.split(/\s+/).map(Number));
      return;
    case 'ARG':
      return;
    default:
      throw new Error(`${keyword} is not read: teach it to readDockerfile`);
  }
}

/** The stages of deploy/docker/Dockerfile, in order; `${NODE_IMAGE}` is replaced by its default. */
export function readDockerfile(): Stage[] {
  const dockerfile = DockerfileParser.parse(readFileSync(DOCKERFILE, 'utf8'));
  const globals = new Map(
    dockerfile.getInitialARGs().map((arg) => [arg.getProperty()?.getName(), arg.getProperty()?.getValue()]),
  );
  const stages = new Map<string, Stage>();
  let current: Stage | undefined;
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const [image = '', , name = ''] = instruction.getArguments().map((argument) => argument.getValue());
      const from = image.replace(/^\$\{(\w+)\}$/, (_, arg) => globals.get(arg) ?? '');
      current = emptyStage(name, from);
      stages.set(name, current);
    } else if (current !== undefined) addInstruction(current, instruction as ModifiableInstruction);
  }
  return [...stages.values()];
}

/** A stage with what it takes over from the stages it is built upon, as an engine sees it. */
export function resolveStage(stages: readonly Stage[], name: string): Stage {
  const stage = stages.find((each) => each.name === name);
  if (stage === undefined) throw new Error(`no stage ${name} in ${DOCKERFILE}`);
  if (!stages.some((each) => each.name === stage.from)) return stage;
  const base = resolveStage(stages, stage.from);
  return {
    ...stage,
    from: base.from,
    env: { ...base.env, ...stage.env },
    labels: { ...base.labels, ...stage.labels },
    user: stage.user ?? base.user,
    stopSignal: stage.stopSignal ?? base.stopSignal,
    entrypoint: stage.entrypoint ?? base.entrypoint,
    healthcheck: stage.healthcheck ?? base.healthcheck,
    ports: [...base.ports, ...stage.ports],
  };
}
