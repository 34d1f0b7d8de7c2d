/** What one PUT sends; more goes in parts. Imports nothing: the costs of a merge are reckoned by it too. */
export const putBytesMax = 64 * 1_048_576
