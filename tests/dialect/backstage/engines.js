// Renders cases with Backstage's own code: one JSON case a line in, one JSON result a line out.
//   node engines.js NODE_MODULES_OF_TODAY [NODE_MODULES_OF_4.0.2]
// A case: {source, context, value?, compat?, trim?, lstrip?}. A result: {today: R, before: R}, where R
// is {text}, {value}, {undefined: true} or {error}.
'use strict';
const path = require('path');
const vm = require('vm');
const fs = require('fs');
const [today, before] = process.argv.slice(2).map(each => path.resolve(each));
const load = (root, name) => require(require.resolve(name, { paths: [root] }));
const inside = (root, file) =>
  require(path.join(root, '@backstage/plugin-scaffolder-backend/dist', file));

function filters(root) {
  const { ScmIntegrations } = load(root, '@backstage/integration');
  const { ConfigReader } = load(root, '@backstage/config');
  const integrations = ScmIntegrations.fromConfig(new ConfigReader({}));
  const { createDefaultFilters } = inside(root, 'lib/templating/filters/createDefaultFilters.cjs.js');
  return Object.fromEntries(createDefaultFilters({ integrations }).map(each => [each.id, each.filter]));
}
const globals = { always: () => true, failure: () => false };

const nunjitsu = load(today, 'nunjitsu');
const renderers = new Map();
function renderToday(c) {
  const key = JSON.stringify([c.compat, c.trim, c.lstrip]);
  if (!renderers.has(key)) {
    renderers.set(key, nunjitsu.createTemplateRenderer({
      filters: filters(today), globals, allowRegexExecution: true,
      cookiecutterCompat: c.compat, trimBlocks: c.trim, lstripBlocks: c.lstrip,
    }));
  }
  const renderer = renderers.get(key);
  return c.value ? renderer.renderValue(c.source, c.context) : renderer.render(c.source, c.context);
}

// Backstage runs the older engine in an isolate, which is a native addon; here its very script runs in
// a context of Node's own `vm`.
function oldRenderer(c) {
  const compiled = fs.readFileSync(
    path.join(before, '@backstage/plugin-scaffolder-backend/dist/lib/templating/SecureTemplater.cjs.js'), 'utf8');
  const source = fs.readFileSync(
    path.join(before, '@backstage/plugin-scaffolder-backend/assets/nunjucks.js.txt'), 'utf8');
  const start = compiled.indexOf('const mkScript');
  const mkScript = vm.runInNewContext(
    `(() => { ${compiled.slice(start, compiled.indexOf('class SecureTemplater'))}; return mkScript; })()`);
  const own = filters(before);
  const call = table => (name, args) => {
    const found = table[name](...args);
    return found === undefined ? '' : JSON.stringify(found);
  };
  const context = vm.createContext({
    nunjucksConfigs: JSON.stringify({ trimBlocks: c.trim, lstripBlocks: c.lstrip }),
    availableTemplateFilters: JSON.stringify(Object.keys(own)),
    availableTemplateGlobals: '{}',
    availableTemplateCallbacks: JSON.stringify(Object.keys(globals)),
    callFilter: call(own),
    callGlobal: call(globals),
  });
  vm.runInContext(mkScript(source), context);
  return (text, values) => {
    context.templateStr = text;
    context.templateValues = JSON.stringify(values);
    return vm.runInContext(`${c.compat ? 'renderCompat' : 'render'}(templateStr, templateValues)`, context, { timeout: 5000 });
  };
}
const oldRenderers = new Map();
function renderBefore(c) {
  const key = JSON.stringify([c.compat, c.trim, c.lstrip]);
  if (!oldRenderers.has(key)) oldRenderers.set(key, oldRenderer(c));
  return oldRenderers.get(key)(c.source, c.context);
}

function result(render, c) {
  try {
    const found = render(c);
    if (found === undefined) return { undefined: true };
    return c.value ? { value: found } : { text: found };
  } catch (error) {
    return { error: String(error.message) };
  }
}

const lines = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean);
const out = lines.map(line => {
  const c = JSON.parse(line);
  const found = { today: result(renderToday, c) };
  if (before && !c.value) found.before = result(renderBefore, c);
  return JSON.stringify(found);
});
process.stdout.write(out.join('\n') + '\n');
