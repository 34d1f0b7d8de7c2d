import { fileURLToPath } from 'node:url'

/** The repository: the folder that images are built from, less what its .dockerignore leaves out. */
export const imageRoot = fileURLToPath(new URL('../..', import.meta.url))
