// Runs Backstage's own actions of the catalog against a portal: one JSON job a line in, one JSON result a
// line out.
//   node actions.js NODE_MODULES
// A job: {action, input, url, token}. A result: {output} or {error}.
'use strict';
const path = require('path');
const root = path.resolve(process.argv[2]);
const load = name => require(require.resolve(name, { paths: [root] }));
const catalogAction = name =>
  require(path.join(root, `@backstage/plugin-scaffolder-backend/dist/scaffolder/actions/builtin/catalog/${name}.cjs.js`));

const { CatalogClient } = load('@backstage/catalog-client');
const { ConfigReader } = load('@backstage/config');
const { ScmIntegrations } = load('@backstage/integration');

async function run({ action, input, url, token }) {
  const client = new CatalogClient({ discoveryApi: { getBaseUrl: async id => `${url}/api/${id}` } });
  // A portal's own service makes a token of credentials, and then asks its client the same.
  const catalog = {
    addLocation: request => client.addLocation(request, { token }),
    getEntityByRef: reference => client.getEntityByRef(reference, { token }),
    getEntitiesByRefs: request => client.getEntitiesByRefs(request, { token }),
  };
  const integrations = ScmIntegrations.fromConfig(new ConfigReader({}));
  const made = action === 'catalog:register'
    ? catalogAction('register').createCatalogRegisterAction({ catalog, integrations })
    : catalogAction('fetch').createFetchCatalogEntityAction({ catalog });
  const output = {};
  try {
    await made.handler({
      input,
      logger: { info() {} },
      output: (name, value) => { output[name] = value; },
      getInitiatorCredentials: async () => ({}),
    });
  } catch (error) {
    return { error: String(error.message) };
  }
  return { output };
}

(async () => {
  for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    console.log(JSON.stringify(await run(JSON.parse(line))));
  }
})();
