import type { Database, Transaction } from '../../database.ts'

/** Numbers of records that were read, imported and refused so far. */
export interface Progress {
  records: number
  imported: number
  refused: number
}

export interface StoredImport extends Progress {
  startedAt: Date
  finishedAt: Date | null
}

const columns = { records: true, imported: true, refused: true, startedAt: true, finishedAt: true } as const

/** Stores the progress of a batch. @returns false if the stored progress is not `from`: another process imports the file */
export const advanceImport = async (
  tx: Transaction,
  fingerprint: string,
  from: Progress,
  to: Progress,
): Promise<boolean> => {
  const { count } = await tx.customerImport.updateMany({ where: { fingerprint, finishedAt: null, ...from }, data: to })
  return count === 1
}

export const createImportStore = (database: Database) => ({
  find: (fingerprint: string): Promise<StoredImport | undefined> =>
    database.query(
      async (prisma) =>
        (await prisma.customerImport.findUnique({ select: columns, where: { fingerprint } })) ?? undefined,
    ),

  /** Finds the last import of a file with the same name and other content. */
  findEarlier: (fileName: string, fingerprint: string): Promise<StoredImport | undefined> =>
    database.query(
      async (prisma) =>
        (await prisma.customerImport.findFirst({
          select: columns,
          where: { fileName, fingerprint: { not: fingerprint } },
          orderBy: { startedAt: 'desc' },
        })) ?? undefined,
    ),

  /** Stores the start of an import, with no progress. */
  async begin({ fingerprint, fileName }: { fingerprint: string; fileName: string }, startedAt: Date): Promise<void> {
    const begun = { fileName, startedAt, records: 0, imported: 0, refused: 0, finishedAt: null }
    await database.query((prisma) =>
      prisma.customerImport.upsert({
        where: { fingerprint },
        create: { fingerprint, ...begun },
        update: begun,
      }),
    )
  },

  async finish(fingerprint: string, finishedAt: Date): Promise<void> {
    await database.query((prisma) =>
      prisma.customerImport.updateMany({ where: { fingerprint, finishedAt: null }, data: { finishedAt } }),
    )
  },
})

export type ImportStore = ReturnType<typeof createImportStore>
