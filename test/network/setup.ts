/**
 * No test needs a network. What is refused may be caught and retried by the code under test, here or in a process of its own: it fails the test
 * all the same, and what is tried after the last test fails the file.
 */
import { afterAll, afterEach, expect } from 'vitest';
import { guarded, removeRecord, takeAttempts } from './attempts.js';

Object.assign(process.env, guarded());

const noneSince = (): void => {
  expect(takeAttempts(), 'connections beyond this machine').toEqual([]);
};

// Hooks after tests run in the reverse order of their registration: these come last.
afterEach(noneSince);
afterAll(() => {
  try {
    noneSince();
  } finally {
    removeRecord();
  }
});
