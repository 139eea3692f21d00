import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeTenants, encodeTenants } from './tenant-runs.js';

/** Few distinct names, so that runs and references occur; wild ones among them. */
const tenantLists = fc
  .array(fc.oneof(fc.constant(''), fc.string(), fc.string({ unit: 'binary', maxLength: 60 })), {
    minLength: 1,
    maxLength: 40,
  })
  .chain((names) => fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 120 }));

describe('tenants of a batch', () => {
  test('come back as they went, in order', () => {
    fc.assert(
      fc.property(tenantLists, (tenants) => {
        expect(decodeTenants(encodeTenants(tenants), tenants.length)).toEqual(tenants);
      }),
    );
  });

  test('are written with characters that EC2 takes everywhere', () => {
    fc.assert(
      fc.property(tenantLists, (tenants) => {
        expect(encodeTenants(tenants)).toMatch(/^[A-Za-z0-9+=._:/@-]*$/);
      }),
    );
  });

  test.each([
    [['acme'], 'acme'],
    [['acme', 'acme', 'acme'], 'acme+3'],
    [['', '', ''], '+3'],
    [[''], '+1'],
    [['acme', 'acme', 'acme', 'beta', 'acme', 'acme', '', '', '', ''], 'acme+3:beta:@0+2:+4'],
    [['a', 'b', 'a'], 'a:b:a'],
    [['a+b', 'ü'], 'a=2bb:=c3=bc'],
  ])('%j reads %s', (tenants, text) => {
    expect(encodeTenants(tenants)).toBe(text);
    expect(decodeTenants(text, tenants.length)).toEqual(tenants);
  });

  test.each(['acme+0', 'acme+', '@0', '@', 'a+1+2', 'a=zz', 'a=c3', 'a b', 'acme+999999999999'])(
    '%s is not of our making',
    (text) => {
      expect(decodeTenants(text, 500)).toBeNull();
    },
  );

  test('text from elsewhere never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        decodeTenants(text, 500);
      }),
    );
  });
});
