until [ -e /gate/go ]; do sleep 0.1; done
