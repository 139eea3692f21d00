import { describe, expect, test } from '@jest/globals';
import { readUpSettings } from './up-settings.js';

describe('the settings of npm run up', () => {
  test('are the documented ports when nothing is set', () => {
    const settings = readUpSettings([], {});
    expect(settings.ports).toEqual({ api: 8080, jobs: 8081, sim: 8082 });
    expect(settings.monitoring).toBeUndefined();
    expect(settings.stateDir).toMatch(/\.aegis\/8080$/);
  });

  test('come from the environment', () => {
    const env = { AEGIS_API_PORT: '9000', AEGIS_JOBS_PORT: '9001', AEGIS_SIM_PORT: '9002', REDIS_URL: 'redis://r' };
    expect(readUpSettings([], env)).toMatchObject({
      ports: { api: 9000, jobs: 9001, sim: 9002 },
      redisUrl: 'redis://r',
    });
  });

  test('include Prometheus when asked for', () => {
    expect(readUpSettings(['--with-prometheus'], {}).monitoring).toEqual({ prometheus: 9090, alertmanager: 9093 });
  });

  test.each(['http', '0', '65536', '80.5', '-1', ' 80'])('refuse the port "%s"', (text) => {
    expect(() => readUpSettings([], { AEGIS_JOBS_PORT: text })).toThrow(
      `AEGIS_JOBS_PORT must be a port number from 1 to 65535, not "${text}"`,
    );
  });

  test('refuse one port for two listeners', () => {
    expect(() => readUpSettings([], { AEGIS_SIM_PORT: '8080' })).toThrow(
      'AEGIS_API_PORT and AEGIS_SIM_PORT are both 8080',
    );
  });

  test('refuse an unknown option', () => {
    expect(() => readUpSettings(['--with-grafana'], {})).toThrow('unknown option --with-grafana');
  });
});
