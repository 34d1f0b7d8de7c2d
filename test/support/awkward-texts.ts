/** What a text form, a path or a reader of changes could get wrong, as it stands between the quotes of a MySQL literal. */
export const awkwardTexts: readonly string[] = [
  '',
  ' ',
  '07094',
  'null',
  'NULL',
  "O''Brien",
  'Crème Brûlée',
  '😀',
  'a,b;"c"',
  '\\\\',
  'ß',
  'I',
  'D',
]
