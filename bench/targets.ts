import { type Figure, wall } from './figures.ts'

/** What we aim for: wall seconds of a case as a share of another figure of the same run, at most. */
type Target = { readonly case: string; readonly against: string; readonly ofCase?: string; readonly atMost: number }

const copy = { against: 'DuckDB COPY', ofCase: 'floor' }

const targets: readonly Target[] = [
  { case: 'tiny', against: 'delta-rs', atMost: 0.45 },
  { case: 'tiny', against: 'plain-duckdb', atMost: 0.55 },
  { case: 'recent5k', against: 'delta-rs', atMost: 0.45 },
  { case: 'recent5k', against: 'plain-duckdb', atMost: 0.55 },
  { case: 'recent', against: 'delta-rs', atMost: 0.7 },
  { case: 'partition', against: 'delta-rs', atMost: 0.9 },
  { case: 'random', against: 'delta-rs', atMost: 0.75 },
  { case: 'random', ...copy, atMost: 0.95 },
  { case: 'random-updates', ...copy, atMost: 0.35 },
  { case: 'random1m', against: 'delta-rs', atMost: 0.7 },
  { case: 'again-tiny', against: 'dmscdc', ofCase: 'tiny', atMost: 0.6 },
  { case: 'again-recent5k', against: 'dmscdc', ofCase: 'recent5k', atMost: 0.6 },
  { case: 'again-random', against: 'delta-rs', ofCase: 'random', atMost: 0.3 },
  { case: 'initial', ...copy, atMost: 1.05 },
  { case: 'initial', against: 'delta-rs', atMost: 1.05 },
  { case: 'tiny on S3, 20 ms', against: 'delta-rs', atMost: 0.5 },
  ...['initial', 'recent5k', 'recent', 'random', 'random-updates', 'random1m'].map((name) => ({
    case: name,
    against: 'original-spark',
    atMost: 0.12,
  })),
  { case: 'tiny', against: 'original-spark', atMost: 0.02 },
]

/** The targets that the figures of this run say something of, as a table in Markdown. */
export function targetLines(figures: readonly Figure[]): readonly string[] {
  const figure = (name: string, system: string) => figures.find((one) => one.case === name && one.system === system)
  const ratios = targets.flatMap(({ case: name, against, ofCase = name, atMost }) => {
    const [own, other] = [figure(name, 'dmscdc'), figure(ofCase, against)]
    if (own === undefined || other === undefined) return []
    const ratio = wall(own) / wall(other)
    const what = ofCase === name || ofCase === 'floor' ? against : `${against}, ${ofCase}`
    return [`| ${name} | ${what} | ${ratio.toFixed(2)} | ${String(atMost)} | ${ratio <= atMost ? 'met' : 'missed'} |`]
  })
  return [...ratios, ...requestLines(figures)]
}

const requestsMax = 17
const putClassMax = 5
const putClass = /^(?:Put|Copy|List|Create|Complete|Upload)/u

/** One small merge on S3: requests in all, and of those that cost ten times a GET. (Deletions are free and count among all.) */
function requestLines(figures: readonly Figure[]): readonly string[] {
  const own = figures.find(({ case: name, system }) => name === 'tiny on S3' && system === 'dmscdc')
  if (own?.requests === undefined) return []
  const requests = Object.entries(own.requests)
  const total = requests.reduce((sum, [, count]) => sum + count, 0)
  const dear = requests.filter(([operation]) => putClass.test(operation))
  const dearTotal = dear.reduce((sum, [, count]) => sum + count, 0)
  const line = (what: string, found: number, atMost: number) =>
    `| tiny on S3 | ${what} | ${String(found)} | ${String(atMost)} | ${found <= atMost ? 'met' : 'missed'} |`
  return [line('requests', total, requestsMax), line('PUT, COPY, LIST, POST', dearTotal, putClassMax)]
}

export const targetHead = ['| case | against | ratio | at most | |', '| --- | --- | ---: | ---: | --- |']
