export async function run(_name: string): Promise<void> {}
