import { describe, expect, test } from '@jest/globals';
import type { InstanceEnd, LiveInstance } from './cloud-history.js';
import { type Finding, type Flush, judgeInstanceEnd, judgeSurvey, type Survey } from './judge-survey.js';
import type { BookEntry } from './relay-book.js';
import type { RelayView } from './relay-view.js';

const NOW = 1_000_000;
const ID = 'rly_use1_0000000000000001';

function relay(fields: Partial<RelayView> = {}): RelayView {
  return {
    id: ID,
    state: 'active',
    region: 'us-east-1',
    address: '198.18.0.1',
    instanceId: 'i-1',
    createdAt: NOW - 60_000,
    leaseSeconds: 600,
    leaseExpiresAt: NOW + 540_000,
    endedAt: null,
    reason: null,
    failure: null,
    ...fields,
  };
}

function entry(fields: Partial<BookEntry> = {}): BookEntry {
  return {
    tenant: 'local',
    key: 'k',
    region: 'us-east-1',
    leaseSeconds: 600,
    relayId: ID,
    createSentAt: NOW - 60_000,
    leases: [{ sentAt: NOW - 60_000, endsAt: NOW + 540_000 }],
    removal: null,
    instanceId: 'i-1',
    address: '198.18.0.1',
    closed: null,
    ...fields,
  };
}

const deleted = { sentAt: NOW - 30_000, acknowledgedSentAt: NOW - 30_000 };
const running: LiveInstance = { instanceId: 'i-1', relayId: ID, tenant: 'local', state: 'running' };
const end = (fields: Partial<InstanceEnd> = {}): InstanceEnd => ({
  instanceId: 'i-1',
  relayId: ID,
  at: NOW - 10_000,
  cause: 'api',
  reason: 'Client.UserInitiatedShutdown',
  ...fields,
});
const wipe = (fields: Partial<Flush> = {}): Flush => ({
  startedAt: NOW - 20_001,
  endedAt: NOW - 20_000,
  quiet: false,
  ...fields,
});

interface Scene {
  entry?: BookEntry | null;
  relay?: RelayView | null;
  instances?: LiveInstance[];
  launched?: string[];
  end?: InstanceEnd;
  flushes?: Flush[];
  /** Relays of nobody. */
  unowned?: RelayView[];
  /** All of those when absent. */
  spares?: string[];
  claimedTwice?: string[];
}

function judge(scene: Scene): Finding[] {
  const view = scene.relay === undefined ? relay() : scene.relay;
  const known = scene.entry === undefined ? entry() : scene.entry;
  const launched = scene.launched ?? ['i-1'];
  const survey: Survey = {
    entries: known === null ? [] : [known],
    relays: new Map([...(view === null ? [] : [view]), ...(scene.unowned ?? [])].map((each) => [each.id, each])),
    unowned: new Set(scene.unowned?.map(({ id }) => id)),
    spares: new Set(scene.spares ?? scene.unowned?.map(({ id }) => id)),
    claimedTwice: scene.claimedTwice ?? [],
    instances: scene.instances ?? [running],
    history: {
      launchedFor: () => launched,
      launchedTwice: () => (launched.length > 1 ? [ID] : []),
      endOf: () => scene.end,
    },
    flushes: scene.flushes ?? [],
    settleFrom: NOW - 5_000,
    now: NOW,
  };
  return judgeSurvey(survey);
}

const verdicts = (scene: Scene) => judge(scene).map(({ what }) => what);

describe('a settled system', () => {
  test('has an active relay with its instance', () => {
    expect(judge({})).toEqual([]);
  });

  test.each(['pending', 'launching', 'booting', 'terminating'] as const)('has no relay that is %s', (state) => {
    expect(verdicts({ relay: relay({ state }) })).toContain('unfinished');
  });

  test('may still be ending a lease that ended while it settled, but none that ended before', () => {
    const leaving = { state: 'terminating', reason: 'lease_expired' } as const;
    expect(judge({ relay: relay({ ...leaving, leaseExpiresAt: NOW - 1_000 }) })).toEqual([]);
    expect(verdicts({ relay: relay({ ...leaving, leaseExpiresAt: NOW - 9_000 }) })).toEqual(['unfinished']);
    expect(verdicts({ relay: relay({ leaseExpiresAt: NOW - 9_000 }) })).toEqual(['unfinished']);
  });

  test('has no active relay without a running instance', () => {
    expect(verdicts({ instances: [] })).toEqual(['unfinished']);
  });

  test('has no relay hanging that nobody was told of', () => {
    expect(judge({ entry: null })).toEqual([]);
    expect(verdicts({ entry: null, relay: relay({ state: 'pending', instanceId: null }), instances: [] })).toEqual([
      'unfinished',
    ]);
  });
});

describe('leaked', () => {
  const others: [string, Scene][] = [
    ['its relay has ended', { relay: relay({ state: 'terminated', reason: 'requested' }), entry: null }],
    ['its relay is unknown', { relay: null, entry: null }],
    ['its relay has another one', { relay: relay({ instanceId: 'i-2' }), entry: null }],
    ['it names no relay', { entry: null, instances: [running, { ...running, instanceId: 'i-9', relayId: null }] }],
  ];
  test.each(others)('an instance that bills though %s', (_, scene) => {
    expect(verdicts(scene)).toContain('leaked');
  });
});

test('double_launched: a second instance for one relay, even one that is gone again', () => {
  expect(verdicts({ launched: ['i-1', 'i-2'] })).toEqual(['double_launched']);
});

describe('lost_creates', () => {
  test('a relay that the api does not know though nothing was wiped', () => {
    expect(verdicts({ relay: null, instances: [] })).toEqual(['lost_creates']);
  });

  test('a relay that is not rebuilt after a wipe, or comes back different', () => {
    expect(verdicts({ relay: null, flushes: [wipe()] })).toContain('lost_creates');
    expect(verdicts({ relay: relay({ address: '198.18.0.9' }), flushes: [wipe()] })).toEqual(['lost_creates']);
    expect(verdicts({ relay: relay({ instanceId: 'i-2' }), instances: [{ ...running, instanceId: 'i-2' }] })).toEqual([
      'lost_creates',
    ]);
  });

  test('wiped before its launch under load: asked for again; after the system had settled: lost', () => {
    const unlaunched: Scene = { relay: null, instances: [], launched: [] };
    expect(judge({ ...unlaunched, flushes: [wipe()] })).toMatchObject([{ remedy: 'create_again' }]);
    expect(judge({ ...unlaunched, flushes: [wipe({ quiet: true })] })).toEqual([
      expect.not.objectContaining({ remedy: expect.anything() }),
    ]);
    // Acknowledged after the wipe: no excuse.
    expect(judge({ ...unlaunched, flushes: [wipe({ endedAt: NOW - 90_000 })] })).toEqual([
      expect.not.objectContaining({ remedy: expect.anything() }),
    ]);
  });

  test.each(['heartbeat_lost', 'boot_timeout', 'max_lifetime', 'lease_expired', 'requested'] as const)(
    'a relay ended by %s though nothing had caused that',
    (reason) => {
      expect(verdicts({ relay: relay({ state: 'terminated', reason, endedAt: NOW }), instances: [] })).toEqual([
        'lost_creates',
      ]);
    },
  );

  test('a relay closed as lost whose instance nobody had touched', () => {
    const lost: Scene = { relay: relay({ state: 'terminated', reason: 'instance_lost', endedAt: NOW }), instances: [] };
    expect(verdicts({ ...lost, end: end({ cause: 'api' }) })).toEqual(['lost_creates']);
    expect(judge({ ...lost, end: end({ cause: 'outside' }) })).toEqual([]);
    expect(judge({ ...lost, end: end({ cause: 'fault' }) })).toEqual([]);
  });

  test('not a relay that was refused with a reason', () => {
    const failure = { code: 'no_capacity', message: 'none left' };
    const refused = relay({ state: 'failed', reason: 'no_capacity', endedAt: NOW, failure, instanceId: null });
    expect(judge({ entry: entry({ instanceId: null }), relay: refused, instances: [], launched: [] })).toEqual([]);
  });
});

describe('lost_deletes', () => {
  test('a relay that lives on after its delete was acknowledged', () => {
    expect(judge({ entry: entry({ removal: deleted }) })).toMatchObject([{ what: 'lost_deletes' }]);
  });

  test('is deleted again when the store was wiped after the answer', () => {
    expect(judge({ entry: entry({ removal: deleted }), flushes: [wipe()] })).toMatchObject([
      { remedy: 'delete_again' },
    ]);
    expect(
      judge({ entry: entry({ removal: deleted }), flushes: [wipe({ endedAt: NOW - 40_000 })] })[0]?.remedy,
    ).toBeUndefined();
  });
});

describe('wrongly_terminated', () => {
  const ended = (fields: Partial<Parameters<typeof judgeInstanceEnd>[0]> = {}) =>
    judgeInstanceEnd({ end: end(), entry: entry(), relay: relay(), leasedAtLeastUntil: 0, ...fields });

  test.each(['api', 'agent'] as const)('an instance ended by %s though its relay was wanted', (cause) => {
    expect(ended({ end: end({ cause }) })).toMatchObject([{ what: 'wrongly_terminated' }]);
    expect(ended({ end: end({ cause }), relay: undefined })).toHaveLength(1);
  });

  test.each(['outside', 'fault'] as const)('not one ended by %s', (cause) => {
    expect(ended({ end: end({ cause }) })).toEqual([]);
  });

  test('not one whose relay was asked to end, or whose lease had ended', () => {
    expect(ended({ entry: entry({ removal: { sentAt: NOW - 10_001, acknowledgedSentAt: null } }) })).toEqual([]);
    expect(ended({ entry: entry({ removal: { sentAt: NOW - 9_000, acknowledgedSentAt: NOW } }) })).toHaveLength(1);
    expect(ended({ entry: entry({ leases: [{ sentAt: 0, endsAt: NOW - 10_000 }] }) })).toEqual([]);
  });

  test('nor one of a relay nobody was told of, once its lease may have ended', () => {
    expect(ended({ entry: undefined, leasedAtLeastUntil: NOW - 11_000 })).toEqual([]);
    expect(ended({ entry: undefined, leasedAtLeastUntil: NOW })).toHaveLength(1);
  });

  test('nor one that its relay does not own', () => {
    expect(ended({ relay: relay({ instanceId: 'i-2' }) })).toEqual([]);
  });
});

describe('surplus_spares', () => {
  const spare = (index: number, fields: Partial<RelayView> = {}) =>
    relay({ id: `rly_apse2_000000000000000${index}`, instanceId: `i-${index}`, ...fields });
  const pool = (count: number, fields: Partial<RelayView> = {}): Scene => {
    const unowned = Array.from({ length: count }, (_, index) => spare(index, fields));
    const instances = unowned.map(({ id, instanceId }): LiveInstance => {
      return { instanceId: instanceId ?? '', relayId: id, tenant: '', state: 'running' };
    });
    return { entry: null, relay: null, launched: ['i-1'], instances, unowned };
  };

  test('more spares than the pool is to hold, whatever became of the run that asked for them', () => {
    expect(verdicts(pool(3))).toEqual([]);
    expect(verdicts(pool(5))).toEqual(['surplus_spares', 'surplus_spares']);
  });

  test('not those on their way out, nor what a doubt has left', () => {
    expect(verdicts(pool(5, { state: 'terminating', reason: 'requested' }))).not.toContain('surplus_spares');
    expect(verdicts({ ...pool(5), spares: [] })).toEqual([]);
  });
});

test('claimed_twice: one relay in the answers to two creates', () => {
  expect(verdicts({ claimedTwice: [ID] })).toEqual(['claimed_twice']);
});

describe('a spare that was handed out', () => {
  test('has settled only when its instance carries its tenant', () => {
    expect(verdicts({ instances: [{ ...running, tenant: '' }] })).toEqual(['unfinished']);
  });

  test('and is nobody’s again: lost, unless the store was wiped before its tenant was written down', () => {
    const disowned: Scene = { relay: null, unowned: [relay()], instances: [{ ...running, tenant: '' }] };
    expect(verdicts(disowned)).toEqual(['lost_creates']);
    expect(judge(disowned)[0]?.remedy).toBeUndefined();
    expect(judge({ ...disowned, flushes: [wipe({ quiet: true })] })[0]?.remedy).toBeUndefined();
    expect(judge({ ...disowned, flushes: [wipe()] })).toMatchObject([{ remedy: 'create_again' }]);
    expect(judge({ ...disowned, entry: entry({ removal: deleted }), flushes: [wipe()] })).toEqual([]);
  });
});
