import { expect, test } from 'vitest';
import { postgresTLS } from './postgres-tls.ts';

const nothing = (): string => '';

test('without a mode there is no TLS', () => {
  expect(postgresTLS(null, nothing)).toBe(false);
  expect(postgresTLS('disable', nothing)).toBe(false);
});

test('a mode of another meaning than the four is refused', () => {
  expect(() => postgresTLS('prefer', nothing)).toThrow('sslmode is "prefer"; it may be disable, require, verify-ca, verify-full');
});

test('authorities that cannot be read are told at the start; later the last ones hold', () => {
  let read = (): string => {
    throw new Error('ENOENT');
  };
  expect(() => postgresTLS('verify-full', () => read())).toThrow('ENOENT');
  read = () => 'first';
  const tls = postgresTLS('verify-full', () => read());
  read = () => 'second';
  expect(tls).toMatchObject({ ca: 'second', rejectUnauthorized: true });
  read = () => {
    throw new Error('ENOENT');
  };
  expect(tls).toMatchObject({ ca: 'second' });
});

test('an empty list of authorities stands for those that Node trusts', () => {
  expect(postgresTLS('verify-full', nothing)).toMatchObject({ ca: undefined, rejectUnauthorized: true });
});
