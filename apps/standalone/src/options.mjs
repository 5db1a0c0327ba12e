// Read before anything is installed or compiled: plain JavaScript, no import. Both programs that start a node stand here, since
// what they share can't be imported.

/** @type {import('@dta/service').CommandOption} */
const fiduciaries = {
  takes: 'whole',
  least: 1,
  most: 32,
  value: 'number',
  default: '3',
  meaning: 'how many fiduciaries it has',
};

/**
 * What `npm start` takes, as its help shows it.
 *
 * @type {import('@dta/service').Command}
 */
export const standaloneCommand = {
  about: 'Starts a whole D-TA node in one process, for trying out. It keeps no secret that you could not lose.',
  usage: 'npm start --',
  options: {
    port: {
      takes: 'whole',
      least: 0,
      most: 65_535,
      value: 'port',
      default: '5556',
      meaning: 'where it answers on localhost; 0: a free one',
    },
    data: { takes: 'path', value: 'folder', default: '.dta', meaning: 'everything that it keeps' },
    fiduciaries,
    'metrics-port': {
      takes: 'whole',
      least: 0,
      most: 65_535,
      value: 'port',
      meaning: 'metrics and health of all roles, on localhost',
    },
    pkcs11: {
      takes: 'path',
      value: 'module',
      meaning:
        'keys in an HSM, by its PKCS#11 module; also CUSTODY_PKCS11_TOKEN ("dta" by default) and CUSTODY_PKCS11_PIN_FILE',
    },
    kubo: {
      takes: 'address',
      value: 'url',
      meaning: 'publishes to the Kubo node with this RPC, in place of a folder',
    },
    rotate: {
      takes: 'flag',
      meaning: 'gives every identity in the folder new keys, and ends; the next start has them',
    },
  },
};

/**
 * What `npm run cluster` takes, as its help shows it; the program is of `e2e`.
 *
 * @type {import('@dta/service').Command}
 */
export const clusterCommand = {
  about:
    'Starts NATS, PostgreSQL, Kubo and every role as a process of its own, until Ctrl-C. All of it goes when it stops.',
  usage: 'npm run cluster --',
  options: {
    port: {
      takes: 'whole',
      least: 0,
      most: 65_535,
      value: 'port',
      default: '5556',
      meaning: "the gateway's; 0: a free one",
    },
    fiduciaries,
    'no-kubo': { takes: 'flag', meaning: 'without Kubo: nothing is published, all else works' },
  },
};
