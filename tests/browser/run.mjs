// Run a Python program in Pyodide: node run.mjs PYODIDE PROGRAM [FOLDER…]. Each FOLDER is seen at its own path and searched for modules.
import { pathToFileURL } from "node:url";

const [pyodide, program, ...folders] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ stdout: console.log, stderr: console.error });
for (const folder of folders) {
  python.FS.mkdirTree(folder);
  python.mountNodeFS(folder, folder);
}
python.globals.set("folders", python.toPy(folders));
python.runPython("import sys; sys.path[:0] = folders");
python.runPython(program);
