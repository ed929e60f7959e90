// Runs whole templates with Backstage's own runner and actions: one JSON job a line in, one JSON result
// a line out.
//   node workflow.js NODE_MODULES
// A job: {template, entity, parameters, secrets, user, outputs, out}: the path of a template.yaml, which
// is read already as `entity`, and the folder that the workspace is copied to. A result: {inputs:
// {action: [input]}, output} or {error}. An action that is not built in records its input; its outputs
// are what the job has for the step's id, else their names.
'use strict';
const path = require('path');
const fs = require('fs');
const os = require('os');
const { pathToFileURL } = require('url');
const root = path.resolve(process.argv[2]);
const load = name => require(require.resolve(name, { paths: [root] }));
const inside = file => require(path.join(root, '@backstage/plugin-scaffolder-backend/dist', file));

process.env.LOG_LEVEL = 'none';
const { ScmIntegrations } = load('@backstage/integration');
const { ConfigReader } = load('@backstage/config');
const integrations = ScmIntegrations.fromConfig(new ConfigReader({}));
const { templateEntityV1beta3Validator } = load('@backstage/plugin-scaffolder-common');
const github = load('@backstage/plugin-scaffolder-backend-module-github');
const { NunjucksWorkflowRunner } = inside('scaffolder/tasks/NunjucksWorkflowRunner.cjs.js');
const builtin = name => inside(`scaffolder/actions/builtin/${name}.cjs.js`);
const reader = { readTree() { throw new Error('no network'); }, readUrl() { throw new Error('no network'); } };
const actions = new Map([
  builtin('fetch/template').createFetchTemplateAction({ reader, integrations }),
  builtin('fetch/templateFile').createFetchTemplateFileAction({ reader, integrations }),
  builtin('fetch/plain').createFetchPlainAction({ reader, integrations }),
  builtin('fetch/plainFile').createFetchPlainFileAction({ reader, integrations }),
  builtin('fetch/workspaceTemplate').createWorkspaceTemplateAction({ integrations }),
  builtin('fetch/workspaceTemplateFile').createWorkspaceTemplateFileAction({ integrations }),
  builtin('filesystem/delete').createFilesystemDeleteAction(),
  builtin('filesystem/rename').createFilesystemRenameAction(),
  builtin('filesystem/read').createFilesystemReadDirAction(),
  builtin('debug/log').createDebugLogAction(),
  builtin('catalog/write').createCatalogWriteAction(),
].map(each => [each.id, each]));

// Nothing is published, but what a portal would refuse is refused.
const schemas = new Map([
  github.createPublishGithubAction({ integrations, config: new ConfigReader({}) }),
].map(each => [each.id, each.schema]));

const logger = { info() {}, warn() {}, error() {}, debug() {}, child() { return logger; } };
const metric = { add() {}, record() {}, set() {} };
const metrics = new Proxy({}, { get: () => () => metric });

async function run(job) {
  const inputs = {};
  const spec = job.entity.spec;
  const text = JSON.stringify(spec);
  const outputsOf = id => {
    const found = {};
    const name = '([A-Za-z_][A-Za-z0-9_]*)';
    const escaped = id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    for (const pattern of [`steps\\.${escaped}\\.output\\.${name}`, `steps\\[(?:'|\\\\")${escaped}(?:'|\\\\")\\]\\.output\\.${name}`]) {
      for (const match of text.matchAll(new RegExp(pattern, 'g'))) found[match[1]] = `<${id}.${match[1]}>`;
    }
    return found;
  };
  const registry = {
    async get(id) {
      if (id === 'test:export') {
        return { id, supportsDryRun: true, handler: async ctx => load('fs-extra').copy(ctx.workspacePath, job.out) };
      }
      return actions.get(id) ?? {
        id,
        schema: job.strict ? schemas.get(id) : undefined,
        async handler(ctx) {
          (inputs[id] ??= []).push(ctx.input);
          const outputs = { ...outputsOf(ctx.step.id), ...job.outputs?.[ctx.step.id] };
          for (const [name, value] of Object.entries(outputs)) ctx.output(name, value);
        },
      };
    },
  };
  const working = fs.mkdtempSync(path.join(os.tmpdir(), 'workflow-'));
  const runner = new NunjucksWorkflowRunner({
    logger, integrations, actionRegistry: registry, workingDirectory: working, metrics, auditor: undefined,
  });
  const steps = spec.steps.map((step, index) => ({
    ...step, id: step.id ?? `step-${index + 1}`, name: step.name ?? step.action,
  }));
  try {
    if (!(await templateEntityV1beta3Validator.check(job.entity))) throw new Error('is no template');
    const result = await runner.execute({
      taskId: 'task',
      spec: {
        ...spec,
        apiVersion: 'scaffolder.backstage.io/v1beta3',
        steps: [...steps, { id: 'test-export', name: 'export', action: 'test:export' }],
        parameters: job.parameters,
        user: job.user,
        output: spec.output ?? {},
        templateInfo: {
          entityRef: `template:default/${job.entity.metadata.name}`,
          baseUrl: pathToFileURL(job.template).toString(),
          entity: job.entity,
        },
      },
      secrets: job.secrets,
      getInitiatorCredentials: async () => ({}),
      getWorkspaceName: async () => 'task',
      cancelSignal: new AbortController().signal,
      done: false,
      isDryRun: false,
      emitLog: async () => {},
      complete: async () => {},
    });
    return { inputs, output: result.output };
  } catch (error) {
    return { error: String(error.message), inputs };
  } finally {
    fs.rmSync(working, { recursive: true, force: true });
  }
}

(async () => {
  const jobs = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
  const out = [];
  for (const job of jobs) out.push(JSON.stringify(await run(job)));
  process.stdout.write(out.join('\n') + '\n');
})();
