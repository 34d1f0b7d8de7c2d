import { type Figure, megabytes, peakBytes, wall } from './figures.ts'

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
  ...['initial', 'recent5k', 'recent', 'random', 'random-updates', 'random1m', 'partition'].map((name) => ({
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
    return [targetLine(name, what, ratio.toFixed(2), String(atMost), ratio <= atMost)]
  })
  return [...ratios, ...secondsLines(figures), ...memoryLines(figures), ...requestLines(figures)]
}

const targetLine = (name: string, against: string, found: string, atMost: string, isMet: boolean) =>
  `| ${name} | ${against} | ${found} | ${atMost} | ${isMet ? 'met' : 'missed'} |`

/** Of the tables like TPC-H's, at their full size. */
const secondsMax: { readonly [name: string]: number } = {
  'lineitem-upsert': 60,
  'lineitem-update': 70,
  'again-lineitem-upsert': 3,
  'lineitem-changes': 30,
}

function secondsLines(figures: readonly Figure[]): readonly string[] {
  return figures.flatMap((figure) => {
    const atMost = secondsMax[figure.case]
    if (atMost === undefined || figure.system !== 'dmscdc') return []
    const seconds = wall(figure)
    return [targetLine(figure.case, 'seconds, 60 million rows', seconds.toFixed(1), String(atMost), seconds <= atMost)]
  })
}

const ourPeakMax = 700e6

/** Of our process, at `--memory 512MB`; and of the case in which it comes nearest to what delta-rs needs. */
function memoryLines(figures: readonly Figure[]): readonly string[] {
  const own = figures.filter(({ system }) => system === 'dmscdc')
  if (own.length === 0) return []
  const most = Math.max(...own.map(peakBytes))
  const shares = own.flatMap((figure) => {
    const other = figures.find(({ case: name, system }) => name === figure.case && system === 'delta-rs')
    return other === undefined ? [] : [peakBytes(figure) / peakBytes(other)]
  })
  const share = Math.max(...shares)
  return [
    targetLine('every case', 'peak memory', megabytes(most), megabytes(ourPeakMax), most <= ourPeakMax),
    ...(shares.length === 0
      ? []
      : [targetLine('every case', 'peak memory, delta-rs', share.toFixed(2), '1', share <= 1)]),
  ]
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
    targetLine('tiny on S3', what, String(found), String(atMost), found <= atMost)
  return [line('requests', total, requestsMax), line('PUT, COPY, LIST, POST', dearTotal, putClassMax)]
}

export const targetHead = ['| case | against | ratio | at most | |', '| --- | --- | ---: | ---: | --- |']
