(define (problem four-blocks)
  (:domain blocks)
  (:objects red green blue white - block)
  (:init
    (on red green) (on-table green) (on-table blue) (on-table white)
    (clear red) (clear blue) (clear white)
    (hand-empty))
  (:goal (and (on green white) (on blue green))))
