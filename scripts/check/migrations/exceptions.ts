import type { Exception } from '../migrations.ts'

/** Migrations that break rules, with the reason why they may. Never edit one that a release contains. */
export const exceptions: readonly Exception[] = []
