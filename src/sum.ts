/** 0 of no numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** The bytes of files together. */
export const totalBytes = (files: readonly { readonly sizeBytes: number }[]) =>
  sum(files.map(({ sizeBytes }) => sizeBytes))
