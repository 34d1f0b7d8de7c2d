/** Rows with the ids `from, to` of which each weighs some 70 bytes as Parquet: an id, an amount, and a text that does not compress. */
export const wideRows = (ids: string) =>
  `select id::bigint as id, (id / 4)::decimal(18,4) as amount, md5(id::varchar) || md5('x' || id) as wide from range(${ids}) as r(id)`
