// Says which inputs and outputs Backstage's actions have: no job in, one JSON result out.
//   node inputs.js NODE_MODULES
// The result: {ID: {names: [NAME], required: [NAME], outputs: [NAME]}}.
'use strict';
const fs = require('fs');
const path = require('path');
const root = path.resolve(process.argv[2]);

// What an action is made with is not asked before it runs.
const anything = new Proxy(function () {}, { get: () => anything, apply: () => anything });
const found = {};
const scope = path.join(root, '@backstage');
const modules = fs.readdirSync(scope).filter(name => /^plugin-scaffolder-backend(-module-|$)/.test(name));
for (const name of modules) {
  const made = require(path.join(scope, name));
  for (const [key, create] of Object.entries(made)) {
    if (!/^create\w+Action$/.test(key) || key === 'createTemplateAction') continue;
    const action = create(anything);
    const { properties, required } = action.schema?.input ?? {};
    found[action.id] = {
      names: Object.keys(properties ?? {}),
      required: required ?? [],
      outputs: Object.keys(action.schema?.output?.properties ?? {}),
    };
  }
}
process.stdout.write(`${JSON.stringify(found)}\n`);
