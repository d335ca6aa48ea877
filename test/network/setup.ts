/** No test needs a network. What is refused may be caught and retried by the code under test: it fails the test all the same. */
import { afterEach, expect } from 'vitest';
import { attempts } from './guard.mjs';

afterEach(() => {
  expect(attempts.splice(0), 'connections beyond this machine').toEqual([]);
});
