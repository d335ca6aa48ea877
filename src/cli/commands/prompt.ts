/** `fungi prompt`: the filled prompt, without asking anyone. */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import {
  addMediaOptions,
  mediaLine,
  mediaOptions,
  showMessages,
  warnOfDropped,
  type MediaFlags,
} from '../media-options.js';
import type { FilterFlags, OpenFlags } from '../open-selector.js';
import { addFilterOptions, collect } from '../options.js';
import { addPolicyOptions, explanationText, policyOptions, type PolicyFlags } from '../policy-option.js';
import { withSelection } from '../selection.js';
import { addOpenOptions } from './retrieve.js';

export interface TemplateFlags {
  readonly template?: string;
  readonly var?: readonly string[];
}

interface PromptFlags extends CommonOptions, OpenFlags, FilterFlags, PolicyFlags, TemplateFlags, MediaFlags {}

export function addPrompt(program: Command, run: Run): void {
  const command = program
    .command('prompt')
    .description('fill a prompt template with the examples nearest to a text, image or sound')
    .argument('<name>', 'name of the index')
    .argument('<query>', 'a text, or the path of an image or a sound; "-" reads it from standard input');
  addOpenOptions(addPolicyOptions(addFilterOptions(addMediaOptions(addTemplateOptions(command)))))
    .addHelpText(
      'after',
      `
Of an index of images or sounds the messages hold them as an LLM takes them: images as JPEG or PNG, sounds as MP3 or WAV. They are shown
by their beginning and size here; --json has them whole.

Examples:
  fungi prompt bank "my card has not arrived"
  fungi prompt bank "my card has not arrived" --template classify -k 10
  fungi prompt bank "my card" --template ./my-prompt.md --var role="You sort banking questions."
  fungi prompt bank "my card" --policy '{"order": "interleaved", "labelList": {"alpha": 0.05}}'
  fungi prompt birds photo.jpg -k 8 --image-side 256`,
    )
    .action((name: string, query: string, flags: PromptFlags) =>
      run(flags, (context) => prompt(context, name, query, flags)),
    );
}

export const addTemplateOptions = (command: Command): Command =>
  command
    .option('--template <name|file>', 'classify-chat, classify or a template file (default: classify-chat)')
    .option('--var <name=value>', "value for one of the template's inputs; may be repeated", collect);

/** Template and variables as the library takes them. @throws {FungiError} INVALID_ARGUMENT, FILE_NOT_FOUND, TEMPLATE_INVALID */
export async function templateOptions(flags: TemplateFlags) {
  const { loadTemplate } = await import('../../prompt/load.js');
  const variables = (flags.var ?? []).map((assignment): [string, string] => {
    const at = assignment.indexOf('=');
    if (at < 1) throw new FungiError('INVALID_ARGUMENT', `--var ${assignment}: it must be name=value`);
    return [assignment.slice(0, at), assignment.slice(at + 1)];
  });
  const options = {
    template: await loadTemplate(flags.template ?? 'classify-chat'),
    variables: Object.fromEntries(variables),
  };
  options.template.checkVariables(options.variables);
  return options;
}

async function prompt(context: Context, name: string, argument: string, flags: PromptFlags): Promise<Report> {
  // A template that is wrong is found before a model is loaded.
  const template = await templateOptions(flags);
  const policy = await policyOptions(flags, flags.k);
  const query = await readText(context, argument);
  const { messages, used, dropped, size, truncated, explanation, manifest } = await withSelection(
    context,
    { name, query, flags, policy },
    async (selection, selector) => {
      const filled = await selector.promptFrom(selection, { ...template, ...mediaOptions(flags) });
      return { ...filled, explanation: selection.explanation, manifest: selector.manifest };
    },
  );
  warnOfDropped([{ used: used.length, dropped: dropped.length }], context);
  const summary = [mediaLine([size]), explanation && explanationText(explanation, manifest)].filter(
    (part) => part !== undefined,
  );
  return {
    text: showMessages(messages),
    ...(summary.length > 0 && { summary: summary.join('\n\n') }),
    json: {
      index: name,
      query,
      messages,
      used: used.map(({ rank, id, label }) => ({ rank, id, label })),
      dropped: dropped.map(({ example: { rank, id, label }, reason }) => ({ rank, id, label, reason })),
      size,
      truncated,
      ...(explanation !== undefined && { explanation }),
    },
  };
}
