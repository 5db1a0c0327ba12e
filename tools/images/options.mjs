/**
 * What `npm run images` takes, as its help shows it.
 *
 * @type {import('@dta/service').Command}
 */
export const imagesCommand = {
  about:
    'Builds the container images dta (roles and gateway) and dta-cli, by docker, podman or buildah, whichever is there.',
  usage: 'npm run images --',
  options: {
    debian: {
      takes: 'flag',
      meaning:
        'without any registry: on a base of Debian packages, by a Podman from there, into .cache/images/store; so too where no builder is there',
    },
    save: { takes: 'path', value: 'folder', meaning: 'with --debian: writes dta.tar and dta-cli.tar, for docker load' },
  },
};
