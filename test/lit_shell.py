"""lit's shell tests, for paths with spaces too: %s, %S and %t are quoted."""
import os
import shlex

import lit.TestRunner
import lit.formats


class ShellTests(lit.formats.ShTest):
    def execute(self, test, lit_config):
        source = test.getSourcePath()
        scratch = lit.TestRunner.getTempPaths(test)[1] + ".tmp"
        paths = [("%s", source), ("%S", os.path.dirname(source)), ("%t", scratch)]
        return lit.TestRunner.executeShTest(
            test,
            lit_config,
            self.execute_external,
            [(name, shlex.quote(path)) for name, path in paths],
            self.preamble_commands,
        )
