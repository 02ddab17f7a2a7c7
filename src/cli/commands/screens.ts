import { command } from '../command.ts';

export default command({
  // Inside an incident nothing may be torn down; the screens stop at a safe point themselves.
  effect: 'write',
  async run(context) {
    const { openScreens } = await import('../../tui/app.ts');
    await openScreens(context);
    return { document: {}, text: '' };
  },
});
