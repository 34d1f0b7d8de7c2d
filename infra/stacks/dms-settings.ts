import type { DmsSettings } from './dms-stack.ts'

/**
 * DMS's table mappings: what is replicated; the change sequence as a column (`set --sequence-column`); and the key's values
 * before a change, so that a changed key takes the old row away.
 */
export function tableMappings({ tables, changeSequenceColumn, beforeImagePrefix }: DmsSettings): object {
  const everything = { 'schema-name': '%', 'table-name': '%' }
  const rules: readonly object[] = [
    ...tables.map(({ schema, table }) => ({
      'rule-type': 'selection',
      'rule-action': 'include',
      'object-locator': { 'schema-name': schema, 'table-name': table },
    })),
    ...(changeSequenceColumn === null
      ? []
      : [
          {
            'rule-type': 'transformation',
            'rule-action': 'add-column',
            'rule-target': 'column',
            'object-locator': everything,
            value: changeSequenceColumn,
            expression: '$AR_H_CHANGE_SEQ',
            'data-type': { type: 'string', length: 50 },
          },
        ]),
    ...(beforeImagePrefix === null
      ? []
      : [
          {
            'rule-type': 'transformation',
            'rule-action': 'add-before-image-columns',
            'rule-target': 'column',
            'object-locator': everything,
            'before-image-def': { 'column-prefix': beforeImagePrefix, 'column-suffix': '', 'column-filter': 'pk-only' },
          },
        ]),
  ]
  return { rules: rules.map((rule, n) => ({ 'rule-id': String(n + 1), 'rule-name': String(n + 1), ...rule })) }
}

/** DMS's task settings: a table that breaks is stopped alone and named, nothing is cut short in silence. */
export function replicationSettings(): object {
  return {
    TargetMetadata: { SupportLobs: true, FullLobMode: false, LimitedSizeLobMode: true, LobMaxSize: 32_768 },
    FullLoadSettings: { TargetTablePrepMode: 'DROP_AND_CREATE', MaxFullLoadSubTasks: 8 },
    ErrorBehavior: {
      DataErrorPolicy: 'SUSPEND_TABLE',
      DataTruncationErrorPolicy: 'SUSPEND_TABLE',
      TableErrorPolicy: 'SUSPEND_TABLE',
      RecoverableErrorCount: -1,
    },
    Logging: { EnableLogging: true },
  }
}
