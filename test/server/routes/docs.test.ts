/** docs/server.md shows requests that the routes take and replies that they give. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../../src/server/route.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { parseFilter } from '../../../src/store/filter.js';

const text = readFileSync(new URL('../../../docs/server.md', import.meta.url), 'utf8');

interface Block {
  readonly language: string;
  readonly body: string;
}
const blocks = [...text.matchAll(/^```([^\n]*)\n(.*?)^```/gms)].map(([, language, body]): Block => ({
  language: language!,
  body: body!,
}));

const matches = ({ path }: Route, shown: string): boolean =>
  new RegExp(`^${path.replace('{name}', 'help-desk').replace('{id}', '[^/]+')}$`).test(shown);

interface Shown {
  readonly command: string;
  readonly route: Route;
  readonly reply: Block | undefined;
}
const requests = blocks.flatMap(({ language, body: command }, i): Shown[] => {
  if (language !== 'sh') return [];
  const [, path] = /http:\/\/127\.0\.0\.1:\d+([^\s'?]+)/.exec(command)!;
  const method = /\s(-d|-T)\s/.test(command) ? 'post' : 'get';
  const route = ROUTES.find((one) => one.method === method && matches(one, path!));
  if (route === undefined) throw new Error(`there is no route for ${method} ${path}`);
  const next = blocks[i + 1];
  return [{ command, route, reply: next?.language === 'json' ? next : undefined }];
});

describe('docs/server.md', () => {
  it('shows requests', () => {
    expect(requests.length).toBeGreaterThan(7);
  });

  it.each(requests)('sends what is taken: $route.operationId', ({ command, route }) => {
    const [, body] = /-d '([^']*)'/.exec(command) ?? [];
    if (body === undefined) return;
    expect(route.body!.schema.safeParse(JSON.parse(body)).error).toBeUndefined();
  });

  it.each(requests.filter(({ reply }) => reply))('shows a reply: $route.operationId', ({ route, reply }) => {
    const status = 200 in route.replies ? 200 : 202;
    expect(route.replies[status]!.schema!.safeParse(JSON.parse(reply!.body)).error).toBeUndefined();
  });

  it('shows lines and their replies, and a filter', () => {
    const { body, replies } = ROUTES.find(({ operationId }) => operationId === 'addExamples')!;
    const bodyOf = (language: string): string => blocks.find((block) => block.language === language)!.body;
    body!.lines!.parse(JSON.parse(bodyOf('json line')));
    for (const line of bodyOf('json lines').trim().split('\n')) replies[200]!.streamed!.schema.parse(JSON.parse(line));
    parseFilter(JSON.parse(bodyOf('json filter')));
  });
});
