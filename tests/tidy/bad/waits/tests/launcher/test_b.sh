sleep 1
start; sleep 0.5
until ready; do sleep 0.05; done # polls until the deadline
