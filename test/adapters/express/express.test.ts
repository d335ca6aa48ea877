/** The middlewares in real apps of Express, over an index without a model. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { EventEmitter } from 'node:events';
import supertest from 'supertest';
import { beforeEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import {
  fungiAnswer,
  fungiFewShot,
  fungiSelection,
  type HttpRequest,
  type HttpResponse,
  type Middleware,
} from '../../../src/adapters/express/index.js';
import type { SelectOptions, Selection } from '../../../src/selector/selector.js';
import { FakeSelector, LIBRARY } from '../fake-selector.js';
import { AnsweringSelector } from './answering-selector.js';

let selector: FakeSelector;
let failures: unknown[];
beforeEach(() => {
  selector = new FakeSelector(LIBRARY());
  failures = [];
});

const USER = { role: 'user', content: 'is my card here' };
const LOST = [
  { role: 'user', content: 'my card was stolen' },
  { role: 'assistant', content: 'lost_card' },
];
const REPORT = { index: 'fake', examples: [{ id: 'lost', label: 'lost_card', rank: 1 }], dropped: 0, truncated: false };

const show: RequestHandler = (request, response) => {
  response.json({ fungi: request.fungi ?? null, body: (request.body as unknown) ?? null });
};
const keep: ErrorRequestHandler = (error, _request, _response, next) => {
  failures.push(error);
  next(error);
};
function appOf(...handlers: RequestHandler[]): Express {
  const app = express();
  app.set('env', 'test'); // Express logs the errors that it answers, unless this is a test
  app.post('/', ...handlers, show);
  app.use(keep);
  return app;
}
const chat = (options: object = {}): Express => appOf(express.json(), fungiFewShot({ selector, k: 1, ...options }));

describe('fungiFewShot', () => {
  it('puts examples into the body before its last user message, and passes on all else of it', async () => {
    const system = { role: 'system', content: 'Be kind.' };
    const sent = { model: 'm', stream: true, messages: [system, USER], unknown: { deep: [1] } };
    const body: unknown = (await supertest(chat()).post('/').send(sent).expect(200)).body;
    expect(body).toEqual({
      fungi: { ...REPORT, examples: [{ ...REPORT.examples[0], distance: expect.any(Number) as number }] },
      body: { ...sent, messages: [system, ...LOST, USER] },
    });
  });

  it("puts a template's instructions behind the system message", async () => {
    const app = chat({ template: 'classify-chat' });
    const body: unknown = (
      await supertest(app)
        .post('/')
        .send({ messages: [{ role: 'system', content: 'Be kind.' }, USER] })
    ).body;
    const { messages } = (body as { body: { messages: { role: string; content: string }[] } }).body;
    expect(messages.map(({ role }) => role)).toEqual(['system', 'system', 'user', 'assistant', 'user']);
    expect(messages[1]!.content).toContain('lost_card, overdue, rooms');
  });

  it.each([
    ['an image alone', [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }]],
    ['no user', [{ role: 'system', content: 'x' }]],
    ['no messages', []],
  ])('leaves request and body as they are: %s', async (_, messages) => {
    const body: unknown = (await supertest(chat()).post('/').send({ messages }).expect(200)).body;
    expect(body).toEqual({ fungi: null, body: { messages } });
  });

  it("takes a request's options from where the app says, checks them, and from nowhere else", async () => {
    const sent = { messages: [USER], fungi: { filter: { label: 'rooms' } } };
    const alone = await supertest(chat()).post('/').send(sent);
    expect((alone.body as { fungi: object }).fungi).toMatchObject({ examples: [{ id: 'lost' }] });
    const app = chat({ call: ({ body }: { body: { fungi: object } }) => body.fungi });
    const told = await supertest(app).post('/').send(sent);
    expect((told.body as { fungi: object }).fungi).toMatchObject({ examples: [{ id: 'room' }] });
    await supertest(app)
      .post('/')
      .send({ ...sent, fungi: { k: 0 } })
      .expect(400);
    expect(failures).toEqual([expect.objectContaining({ code: 'INVALID_ARGUMENT' })]);
  });

  it('takes tool calls that are null, as some clients send them back', async () => {
    const messages = [
      USER,
      { role: 'assistant', content: 'x', tool_calls: null },
      { role: 'user', content: null },
      USER,
    ];
    await supertest(chat()).post('/').send({ messages }).expect(200);
    expect(selector.queries).toEqual([USER.content]);
  });

  it('says which parser is missing', async () => {
    const app = appOf(fungiFewShot({ selector }));
    await supertest(app)
      .post('/')
      .send({ messages: [USER] })
      .expect(400);
    expect(failures).toEqual([
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('req.body is undefined') as string,
        hint: expect.stringContaining('express.json(), fungiFewShot(') as string,
      }),
    ]);
  });

  it.each([
    ['text in place of JSON', 'text/plain', 'hello', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a list', 'application/json', '[]', 400, 'INVALID_REQUEST'],
    ['messages that are none', 'application/json', '{"messages":"hello"}', 400, 'INVALID_REQUEST'],
    ['a message that is null', 'application/json', '{"messages":[null]}', 400, 'INVALID_REQUEST'],
    ['a message without a role', 'application/json', '{"messages":[{"content":"x"}]}', 400, 'INVALID_REQUEST'],
    [
      'ill-formed Unicode',
      'application/json',
      '{"messages":[{"role":"user","content":"\\ud800"}]}',
      422,
      'INVALID_TEXT',
    ],
  ])('refuses %s with a status', async (_, type, text, status, code) => {
    if (code === 'INVALID_TEXT') selector.select = () => Promise.reject(new FungiError('INVALID_TEXT', 'query'));
    await supertest(chat()).post('/').set('content-type', type).send(text).expect(status);
    expect(failures).toEqual([expect.objectContaining({ code })]);
  });

  it('refuses a body that was parsed as text', async () => {
    const app = appOf(express.text({ type: '*/*' }), fungiFewShot({ selector }));
    await supertest(app).post('/').set('content-type', 'application/json').send('{}').expect(400);
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('a string') as string })]);
  });

  it('refuses an index of images when it is made', () => {
    const images = Object.assign(new FakeSelector([]), { modality: 'image' as const });
    for (const make of [fungiFewShot, fungiSelection, fungiAnswer]) {
      expect(() => make({ selector: images as never, query: () => 'x' })).toThrow(FungiError);
    }
  });
});

describe('fungiSelection', () => {
  const app = (options: object = {}): Express =>
    appOf(
      express.json(),
      fungiSelection({ selector, query: (request) => (request.body as { text: string }).text, k: 1, ...options }),
    );

  it('sets req.fungi: what was found, and the prompt that it fills', async () => {
    const body: unknown = (
      await supertest(app({ template: 'turns' }))
        .post('/')
        .send({ text: USER.content })
    ).body;
    expect(body).toMatchObject({
      fungi: {
        ...REPORT,
        selection: { query: USER.content, examples: [{ id: 'lost', input: 'my card was stolen' }] },
        prompt: { messages: [...LOST, USER] },
      },
      body: { text: USER.content },
    });
  });

  it.each([{ text: ' ' }, {}])('sets nothing without a query: %j', async (sent) => {
    const body: unknown = (await supertest(app()).post('/').send(sent).expect(200)).body;
    expect(body).toMatchObject({ fungi: null });
    expect(selector.queries).toEqual([]);
  });

  it.each([7, null, ['my card']])('refuses what is no text: %j', async (text) => {
    await supertest(app()).post('/').send({ text }).expect(422);
    expect(failures).toEqual([expect.objectContaining({ code: 'INVALID_TEXT' })]);
  });
});

describe('fungiAnswer', () => {
  const answering = new AnsweringSelector(LIBRARY());
  const query = (request: HttpRequest): string => (request.body as { text: string }).text;

  it('replies with what the LLM says, and from which examples', async () => {
    const llm = answering.llm('rooms');
    const app = appOf(express.json(), fungiAnswer({ selector: answering, llm, query, k: 1 }));
    const body: unknown = (
      await supertest(app).post('/').send({ text: USER.content }).expect(200).expect('content-type', /json/)
    ).body;
    expect(body).toMatchObject({ ...REPORT, label: 'rooms', by: 'llm', vote: { label: 'lost_card' } });
    expect(llm.asked[0]).toMatchObject({ messages: expect.arrayContaining([LOST[0]]) as object[] });
  });

  it('replies null and the words of a model that leaves the list', async () => {
    const app = appOf(
      express.json(),
      fungiAnswer({ selector: answering, llm: answering.llm('I cannot'), query, k: 1 }),
    );
    const body: unknown = (await supertest(app).post('/').send({ text: USER.content }).expect(200)).body;
    expect(body).toMatchObject({ label: null, reply: 'I cannot' });
  });

  it('lets the examples vote without an LLM', async () => {
    const app = appOf(express.json(), fungiAnswer({ selector: answering, query, k: 1 }));
    const body: unknown = (await supertest(app).post('/').send({ text: USER.content }).expect(200)).body;
    expect(body).toMatchObject({ label: 'lost_card', by: 'vote', examples: [{ id: 'lost' }] });
  });

  it("gives an LLM's failure to the error handler, with its status", async () => {
    const llm = answering.llm(new FungiError('LLM_RATE_LIMITED', 'slow down'));
    const app = appOf(express.json(), fungiAnswer({ selector: answering, llm, query }));
    await supertest(app).post('/').send({ text: 'x' }).expect(429);
    expect(failures).toEqual([expect.objectContaining({ code: 'LLM_RATE_LIMITED', status: 429, statusCode: 429 })]);
  });

  it('refuses a request without a query', async () => {
    const app = appOf(express.json(), fungiAnswer({ selector: answering, query }));
    for (const sent of [{}, { text: null }, { text: ' ' }]) await supertest(app).post('/').send(sent).expect(422);
  });
});

/** A response that ends when it is told to. */
class FakeResponse extends EventEmitter implements HttpResponse {
  writableFinished = false;
  destroyed = false;
  readonly sent: unknown[] = [];
  json(body: unknown): void {
    if (this.sent.push(body) > 1) throw new Error('sent twice');
    this.emit('reply');
  }
}

/** What `next` is called with, once there was a reply or a call, and all that was begun has ended. */
async function nextOf(
  handler: Middleware<HttpRequest>,
  request: Partial<HttpRequest> = { body: { messages: [USER] } },
  response = new FakeResponse(),
): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  await new Promise<void>((resolve) => {
    response.on('reply', resolve);
    const next = (...args: unknown[]): void => {
      calls.push(args);
      resolve();
    };
    const handle: (...args: Parameters<typeof handler>) => unknown = handler;
    // A promise would have Express 5 call `next` again, should it reject.
    expect(handle({ headers: {}, ...request }, response, next)).toBeUndefined();
  });
  await new Promise((resolve) => setImmediate(resolve));
  return calls;
}

describe('next', () => {
  it('is called once, with nothing, after success', async () => {
    expect(await nextOf(fungiFewShot({ selector }))).toEqual([[]]);
    expect(await nextOf(fungiSelection({ selector, query: () => 'card' }))).toEqual([[]]);
  });

  it.each(['before', 'after'])(
    'is called once, with the error, for one that is thrown %s the first await',
    async (when) => {
      const query = (): Promise<string> => {
        if (when === 'before') throw new TypeError('mine');
        return Promise.reject(new TypeError('mine'));
      };
      for (const handler of [
        fungiSelection({ selector, query }),
        fungiAnswer({ selector: new AnsweringSelector([]), query }),
      ]) {
        expect(await nextOf(handler)).toEqual([[expect.any(TypeError)]]);
      }
    },
  );

  it.each([undefined, null, 'route', 'router', 0] as unknown as Error[])(
    'is given an error though %j was thrown',
    async (thrown) => {
      // `next(undefined)` means success and `next('route')` a jump over the other handlers.
      const query = (): Promise<string> => Promise.reject(thrown);
      expect(await nextOf(fungiSelection({ selector, query }))).toEqual([[expect.any(Error)]]);
    },
  );

  it('is called once where the reply cannot be sent', async () => {
    const response = new FakeResponse();
    response.json('a time limit was here first');
    const handler = fungiAnswer({ selector: new AnsweringSelector(LIBRARY()), query: () => 'card' });
    expect(await nextOf(handler, {}, response)).toEqual([[expect.objectContaining({ message: 'sent twice' })]]);
  });

  it('is not called where the reply was sent', async () => {
    const response = new FakeResponse();
    const handler = fungiAnswer({ selector: new AnsweringSelector(LIBRARY()), query: () => 'card' });
    expect(await nextOf(handler, {}, response)).toEqual([]);
    expect(response.sent).toHaveLength(1);
    expect(response.listenerCount('close')).toBe(0);
  });

  it('is called for each of two middlewares in a row, which both place', async () => {
    const app = appOf(
      express.json(),
      fungiFewShot({ selector, k: 1 }),
      fungiFewShot({ selector: Object.assign(new FakeSelector(LIBRARY()), { name: 'other' }), k: 1 }),
    );
    const body: unknown = (
      await supertest(app)
        .post('/')
        .send({ messages: [USER] })
        .expect(200)
    ).body;
    expect(body).toMatchObject({ fungi: { index: 'other', also: [{ index: 'fake' }] } });
    expect((body as { body: { messages: object[] } }).body.messages).toHaveLength(5);
  });
});

describe('a client that leaves', () => {
  it.each(['during the search', 'before it'])('ends the work: %s', async (when) => {
    const response = new FakeResponse();
    const leave = (): void => {
      response.destroyed = true;
      response.emit('close');
    };
    let signal: AbortSignal | undefined;
    selector.select = (_, options?: SelectOptions) => {
      signal = options?.signal;
      return new Promise<Selection>((_, reject) => {
        signal!.addEventListener('abort', () => {
          reject(new Error('the search ended'));
        });
        if (signal!.aborted) reject(new Error('the search ended'));
        leave();
      });
    };
    if (when === 'before it') leave();
    const handler = fungiFewShot({ selector });
    expect(await nextOf(handler, undefined, response)).toEqual([[expect.objectContaining({ code: 'ABORTED' })]]);
    expect(signal!.aborted).toBe(true);
  });

  it('is not one that was answered', async () => {
    const response = new FakeResponse();
    response.writableFinished = true;
    selector.select = (query: string) => {
      response.emit('close');
      return Promise.resolve({ query, examples: [], truncated: false });
    };
    expect(await nextOf(fungiFewShot({ selector }), undefined, response)).toEqual([[]]);
  });
});
