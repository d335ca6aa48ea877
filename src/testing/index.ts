/** Test doubles and contract suites, for tests of code that uses or extends the library. */
export { ScriptedLlm } from './scripted-llm.js';
export { storeContract } from './store-contract.js';
export type { TestRunner } from './store-contract.js';
export type { ExampleStore, StoredRow, StoreProblem, UpsertCounts, VerifyReport } from '../store/store.js';
