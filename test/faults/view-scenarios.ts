import {
  afterLoad,
  changeColumns,
  changeName,
  deleted,
  inserted,
  landChanges,
  type Scenario,
  updated,
} from './scenarios.ts'

/** Views that are begun, followed and taken off. */
export const viewScenarios: readonly Scenario[] = [
  {
    name: 'delta-begun',
    takenBack: { publish: '' },
    claim: 'a Delta view that is begun',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [updated])
        await bench.run()
        await landChanges(bench, 2, [inserted])
        await bench.set({ publish: 'delta' })
      }),
  },
  {
    name: 'delta',
    claim: 'a Delta view that follows',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [updated, inserted, deleted])
          await landChanges(bench, 2, [['U', 5, 'a', 51]])
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'delta-off',
    takenBack: { publish: 'delta' },
    claim: 'a Delta view that is taken off',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [updated, deleted])
          await bench.run()
          await bench.set({ publish: '' })
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'delta-checkpoint',
    claim: 'a Delta view that gets a checkpoint',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          for (let file = 1; file <= 6; file++) await landChanges(bench, file, [['U', 1, 'a', file]])
          await bench.run()
          await landChanges(bench, 7, [updated, deleted])
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'retention',
    claim: 'files of a Delta view whose time is over',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [updated, inserted])
          await bench.run()
          await bench.wait(8 * 24 * 3_600_000)
          await landChanges(bench, 2, [['U', 1, 'a', 12], deleted])
          await landChanges(bench, 3, [['U', 1, 'b', 13]])
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'delta-reload',
    claim: 'a Delta view of a table that a full load replaces',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await bench.wait(60_000)
          await bench.land('LOAD00000001.parquet', { id: 'bigint', p: 'varchar', v: 'integer' }, [[9, 'c', 90]])
          await landChanges(bench, 1, [['I', 10, 'c', 100]])
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'manifest-begun',
    takenBack: { publish: '' },
    claim: 'manifests that are begun',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [updated])
        await bench.set({ publish: 'manifest' })
      }),
  },
  {
    name: 'manifest',
    claim: 'manifests of partitions, and a Delta view beside them, that follow',
    arrange: (bench) =>
      afterLoad(bench, () => landChanges(bench, 1, [updated, ['U', 3, 'c', 30], ['U', 4, 'c', 40]]), {
        publish: 'delta,manifest',
        partitionKey: 'p',
      }),
  },
  {
    name: 'manifest-off',
    takenBack: { publish: 'manifest' },
    claim: 'manifests that are taken off',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [updated, deleted])
          await bench.run()
          await bench.set({ publish: '' })
        },
        { publish: 'manifest' },
      ),
  },
  {
    name: 'glue-begun',
    takenBack: { publish: '' },
    claim: 'a table of the catalog that is begun',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [updated])
          await bench.set({ publish: 'glue' })
        },
        { partitionKey: 'p' },
      ),
  },
  {
    name: 'glue',
    claim: 'a table of the catalog whose columns and partitions change',
    arrange: (bench) =>
      afterLoad(
        bench,
        () =>
          bench.land(changeName(1), { ...changeColumns, note: 'varchar' }, [
            ['U', 1, 'c', 10, 'moved'],
            ['U', 2, 'c', 20, 'moved'],
          ]),
        { partitionKey: 'p', publish: 'glue,manifest' },
      ),
  },
  {
    name: 'glue-turned',
    claim: 'a table of the catalog that gets other partition keys and turns from its manifests',
    arrange: (bench) =>
      afterLoad(bench, () => bench.set({ partitionKey: '', publish: 'glue' }), {
        partitionKey: 'p',
        publish: 'glue,manifest',
      }),
  },
  {
    name: 'glue-off',
    claim: 'a table of the catalog that is taken off',
    arrange: (bench) => afterLoad(bench, () => bench.set({ publish: '' }), { publish: 'glue,delta' }),
  },
]
