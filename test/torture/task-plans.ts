import type { TaskPlan } from './dms-task.ts'
import { sequenceColumn } from './tables.ts'

/** As with DMS, a setting is a task's: tables that want other ones have tasks of their own. */
export const taskPlans: readonly TaskPlan[] = [
  {
    name: 'plain',
    tables: ['whole', 'composite', 'texts', 'partitioned', 'moments'],
    settings: {
      CdcMaxBatchInterval: 2,
      CdcMinFileSize: 600,
      BeforeImage: 'pk-only',
      ParquetTimestampInMillisecond: false,
    },
    replicaId: 7201,
    goesBack: true,
    repeatsFiles: false,
    lateLoads: true,
  },
  {
    name: 'sequenced',
    tables: ['sequenced'],
    settings: {
      ...{ CdcMaxBatchInterval: 1, BeforeImage: 'pk-only', ParquetTimestampInMillisecond: false },
      ...{ ChangeSequenceColumn: sequenceColumn, parquetWriter: 'dms-exact' },
      // Many LOAD files, of which some are late; with fewer of them the next time none may stay.
      ...{ MaxFileSize: 24, TargetTablePrepMode: 'DROP_AND_CREATE' },
    },
    replicaId: 7202,
    goesBack: true,
    repeatsFiles: true,
    lateLoads: true,
  },
  {
    name: 'keyless',
    tables: ['keyless'],
    settings: {
      ...{ CdcMaxBatchInterval: 3, ParquetTimestampInMillisecond: false },
      ...{ MaxFileSize: 24, TargetTablePrepMode: 'DROP_AND_CREATE' },
    },
    replicaId: 7203,
    goesBack: false,
    repeatsFiles: false,
    lateLoads: false,
  },
]
