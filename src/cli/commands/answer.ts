/** `fungi answer`: the label of a text, or of every text of a file, by an LLM or by vote. */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { answerByLlm, answerByVote, countsOf, promptsOf } from '../answer-batch.js';
import { manyAnswers, singleAnswer } from '../answer-report.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import { addLlmOptions, createLlm, type LlmFlags } from '../llm-options.js';
import { addMediaOptions, mediaOptions, warnOfDropped, type MediaFlags } from '../media-options.js';
import { selectOptions, warnOf, warnOfMany, withSelector, type FilterFlags, type OpenFlags } from '../open-selector.js';
import { addFilterOptions, addKeyOptions, type KeyFlags } from '../options.js';
import { addPolicyOptions, asExpected, explainOf, policyOptions, type PolicyFlags } from '../policy-option.js';
import { readQueries } from '../read-queries.js';
import { addTemplateOptions, templateOptions, type TemplateFlags } from './prompt.js';
import { addOpenOptions } from './retrieve.js';

interface AnswerFlags
  extends CommonOptions, OpenFlags, FilterFlags, PolicyFlags, TemplateFlags, MediaFlags, LlmFlags, KeyFlags {
  readonly data?: string;
}

export function addAnswer(program: Command, run: Run): void {
  const command = program
    .command('answer')
    .description(
      'give a text, image or sound its label: by an LLM when a base URL is set, by majority vote of the examples when not',
    )
    .argument('<name>', 'name of the index')
    .argument('[query]', 'a text, or the path of an image or a sound; "-" reads it from standard input')
    .option(
      '--data <file>',
      'texts, images or sounds to answer instead, a source as for `index --data`, or a folder of images or sounds; with labels, the accuracy is told',
    );
  const selected = addPolicyOptions(addFilterOptions(command));
  addOpenOptions(addKeyOptions(addLlmOptions(addMediaOptions(addTemplateOptions(selected)))))
    .addHelpText(
      'after',
      `
Of a file, each text becomes a line of stdout, its label, a tab and the text, in the order of the file. Where there is no label, the
first column is empty, and a third one says why: what the reply was, or the error. Counts and accuracy follow on stderr. --json gives
all of it as one object, replies included.

Replies outside the list of labels or cut off, and queries that got no reply, are counted apart. When any got none, the exit code
is 6; the same command again asks only for those, since replies are kept on disk (unless --no-cache says not to). An endpoint that
cannot be reached, or refuses the first query with 401, 403 or 404, ends the command; one that dies later is asked no more after
five failures in a row, and what was answered until then is kept. A text that times out counts for itself only.

Examples:
  fungi answer bank "my card has not arrived"
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 fungi answer bank "my card has not arrived" --model llama
  fungi answer bank --data test.jsonl --base-url https://api.openai.com/v1 --model gpt-4o-mini --concurrency 16 --json
  fungi answer bank "my card has not arrived" --policy '{"abstain": {"below": 0.8}}' --explain
  fungi answer birds photo.jpg --base-url http://127.0.0.1:8080/v1 --model qwen2.5-vl
  fungi answer birds --data photos/`,
    )
    .action((name: string, query: string | undefined, flags: AnswerFlags) =>
      run(flags, (context) => answer(context, name, query, flags)),
    );
}

async function answer(
  context: Context,
  name: string,
  argument: string | undefined,
  flags: AnswerFlags,
): Promise<Report> {
  if ((argument === undefined) === (flags.data === undefined)) {
    throw new FungiError('INVALID_ARGUMENT', 'give either a query or --data FILE', {
      hint: 'fungi answer NAME "a text", or fungi answer NAME --data texts.jsonl',
    });
  }
  if (explainOf(flags) !== false && flags.data !== undefined) {
    const option = flags.explainBlocks === true ? '--explain-blocks' : '--explain';
    throw new FungiError('INVALID_ARGUMENT', `${option} is of one query, and --data FILE has many`, {
      hint: 'Take the text that you want explained as the query, in place of --data.',
    });
  }
  const template = await templateOptions(flags);
  const policy = await policyOptions(flags, flags.k);
  const expected = asExpected(flags, policy.policy);
  const llm = await createLlm(flags, context);
  const queries =
    flags.data === undefined
      ? [{ input: await readText(context, argument!) }]
      : await readQueries(flags.data, flags, context);
  return withSelector(context, name, flags, async (selector) => {
    const options = {
      ...{ ...selectOptions(flags, selector), ...policy },
      ...{ ...template, ...mediaOptions(flags), ...(llm && { llm }) },
    };
    if (flags.data === undefined) {
      const given = await selector.answer(queries[0]!.input, options);
      warnOf(given.selection, expected, context);
      if (given.prompt) warnOfDropped([countsOf(given.prompt)], context);
      return singleAnswer(selector.manifest, given, llm);
    }
    const answered =
      llm === undefined
        ? await answerByVote(selector, queries, options)
        : await answerByLlm(selector, queries, { ...options, llm }, context, flags.concurrency);
    warnOfMany(answered, expected, context);
    warnOfDropped(promptsOf(answered), context);
    return manyAnswers(name, answered, llm, flags.cache);
  });
}
