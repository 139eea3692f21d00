import { describe, expect, test } from '@jest/globals';
import { Ec2Error } from './ec2-error.js';
import { parseQuery } from './query-params.js';

const parse = (text: string) => parseQuery(new URLSearchParams(text));

describe('the flattened form', () => {
  test('becomes lists in the order of their numbers', () => {
    const params = parse('Filter.2.Name=b&Filter.10.Name=c&Filter.1.Name=a&Filter.1.Value.2=y&Filter.1.Value.1=x');
    expect(params.list('Filter').map((filter) => filter.required('Name'))).toEqual(['a', 'b', 'c']);
    expect(params.list('Filter')[0]?.strings('Value')).toEqual(['x', 'y']);
    expect(params.list('Nothing')).toEqual([]);
  });

  test('reads nested members and types', () => {
    const params = parse('Placement.Tenancy=default&MinCount=2&DryRun=true');
    expect(params.child('Placement')?.string('Tenancy')).toBe('default');
    expect(params.integer('MinCount')).toBe(2);
    expect(params.boolean('DryRun')).toBe(true);
    expect(params.child('Monitoring')).toBeUndefined();
  });

  test('cannot reach a prototype', () => {
    const params = parse('__proto__.polluted=1&constructor.prototype.x=1');
    expect(params.string('polluted')).toBeUndefined();
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test.each([
    ['a list that is none', () => parse('InstanceId.x=1').strings('InstanceId')],
    ['an endless name', () => parse(`${'a.'.repeat(50)}a=1`)],
    ['a number that is none', () => parse('MinCount=two').integer('MinCount')],
    ['a word for true', () => parse('DryRun=yes').boolean('DryRun')],
    ['a missing parameter', () => parse('A=1').required('B')],
  ])('refuses %s with an EC2 error', (_, read) => {
    expect(read).toThrow(Ec2Error);
  });
});
