// Says which pages of a form a portal shows: one JSON job a line in, one JSON result a line out.
//   node pages.js NODE_MODULES
// A job: {values, pages}. A result: {visible: [boolean], values}.
'use strict';
const path = require('path');
const fs = require('fs');
const root = path.resolve(process.argv[2]);
const { resolveParameterSteps } = require(
  path.join(root, '@backstage/plugin-scaffolder-common/dist/alpha.cjs.js'),
);

const jobs = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
for (const { values, pages } of jobs) {
  const steps = pages.map(page => ({ schema: page, when: page.when }));
  process.stdout.write(`${JSON.stringify(resolveParameterSteps(values, steps))}\n`);
}
