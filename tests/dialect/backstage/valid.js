// Says what a portal's catalog thinks of templates: one entity a line in, one JSON result a line out.
//   node valid.js NODE_MODULES
// A result: {error}, null where the template is taken.
'use strict';
const path = require('path');
const fs = require('fs');
const root = path.resolve(process.argv[2]);
const load = name => require(require.resolve(name, { paths: [root] }));
const { templateEntityV1beta3Validator } = load('@backstage/plugin-scaffolder-common');

(async () => {
  const entities = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
  for (const entity of entities) {
    const error = await templateEntityV1beta3Validator.check(entity).then(
      taken => (taken ? null : 'is no template'),
      refused => String(refused.message),
    );
    process.stdout.write(`${JSON.stringify({ error })}\n`);
  }
})();
