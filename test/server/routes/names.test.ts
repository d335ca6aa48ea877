import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../../src/server/routes/index.js';
import { indexName } from '../../../src/server/routes/fields.js';

const NAMED = ROUTES.filter(({ path }) => path.includes('{name}'));

describe('names', () => {
  it('are checked by every route that has one', () => {
    expect(NAMED.length).toBeGreaterThan(5);
    for (const { pathSchema, path } of NAMED) {
      const others = path.includes('{id}') ? { id: 'a' } : {};
      for (const name of ['..', '.', '', 'A', 'a/b', 'a%2f', 'a\0', '-a', '_a', 'a.b', 'é', 'a'.repeat(64), 'a\n']) {
        expect(pathSchema!.safeParse({ name, ...others }).success, JSON.stringify(name)).toBe(false);
      }
      expect(pathSchema!.safeParse({ name: 'help-desk_2', ...others }).success).toBe(true);
    }
  });

  it('are of 1 to 63 harmless characters, whatever is tried', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: fc.constantFrom('a', 'z', '0', '9', '_', '-', '.', 'A', '/'), maxLength: 70 }),
        ),
        (name) => {
          expect(indexName.safeParse(name).success).toBe(
            /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name) && !name.endsWith('\n'),
          );
        },
      ),
    );
  });
});

describe('routes', () => {
  it('have each an operation and a place of their own', () => {
    expect(new Set(ROUTES.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
    expect(new Set(ROUTES.map(({ method, path }) => `${method} ${path}`)).size).toBe(ROUTES.length);
  });

  it('ask for a key that may do what they do', () => {
    const scopes = Object.fromEntries(ROUTES.map(({ operationId, scope }) => [operationId, scope]));
    expect(scopes).toEqual({
      ...{
        listIndexes: 'read',
        describeIndex: 'read',
        createIndex: 'admin',
        deleteIndex: 'admin',
        indexHealth: 'read',
      },
      ...{
        addExamples: 'write',
        getExample: 'read',
        deleteExamples: 'write',
        retrieve: 'read',
        prompt: 'read',
        answer: 'read',
      },
      ...{ createEmbedding: 'read', listModels: 'read', retrieveModel: 'read' },
    });
  });

  it('take no query parameter that they do not know', () => {
    for (const { querySchema, operationId } of ROUTES) {
      expect(querySchema!.safeParse({ surprise: '1' }).success, operationId).toBe(false);
    }
  });

  it('refuse a body with a member that they do not know', () => {
    for (const { body, operationId } of ROUTES) {
      if (body === undefined) continue;
      const issues = body.schema.safeParse({ surprise: 1 }).error?.issues ?? [];
      expect(
        issues.some(({ code }) => code === 'unrecognized_keys'),
        operationId,
      ).toBe(true);
    }
  });
});
