import packageJson from '../package.json' with { type: 'json' }

/** The package's version; stands in every commit as `dmscdc/<version>`. */
export const dmscdcVersion: string = packageJson.version
