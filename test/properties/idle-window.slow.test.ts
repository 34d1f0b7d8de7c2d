import { expect, test } from 'vitest'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectWindowsToChangeNothing, idleHistories } from './run-idle-histories.ts'

test('a table whose idle checks list a window goes through what one does that is listed whole', async () => {
  let spared = 0
  const holds = async (...[lab, history]: Parameters<typeof expectWindowsToChangeNothing>) => {
    spared += await expectWindowsToChangeNothing(lab, history)
  }
  await assertForAWhile(idleHistories(), holds, 40_000)
  expect(spared).toBeGreaterThan(0)
}, 600_000)
