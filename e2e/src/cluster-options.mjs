// Read before anything is installed or compiled: plain JavaScript, no import.

/**
 * What `npm run cluster` takes, as its help shows it.
 *
 * @type {import('@dta/service').Command}
 */
export const clusterCommand = {
  about:
    'Starts NATS, PostgreSQL, Kubo and every role as a process of its own, until Ctrl-C. All of it goes when it stops.',
  usage: 'npm run cluster --',
  options: {
    port: { takes: 'whole', least: 1, most: 65_535, value: 'port', default: '5556', meaning: "the gateway's" },
    fiduciaries: {
      takes: 'whole',
      least: 1,
      most: 32,
      value: 'number',
      default: '3',
      meaning: 'how many fiduciaries it has',
    },
    'no-kubo': { takes: 'flag', meaning: 'without Kubo: nothing is published, all else works' },
  },
};
