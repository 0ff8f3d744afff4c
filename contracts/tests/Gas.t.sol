// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";

/// What an epoch costs, each call as a transaction of its own: `forge test --match-contract GasTest -vv`.
/// forge-config: default.isolate = true
contract GasTest is Fixture {
    uint256 private constant CLAIMS_AT_ONCE = 50;

    function measure(uint256 leaves) private returns (uint256 posting) {
        // An earlier epoch, so that the counters do not start from zero.
        postAndClaim(1);
        Ledger.Claim[] memory claims = claimsOf(leaves);
        Ledger.EpochRoot memory r = epochRoot(claims);
        bytes[] memory signatures = signEpoch(r, 2);
        ledger.postEpoch(r, signatures);
        posting = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("leaves", leaves);
        emit log_named_uint("  postEpoch, gas", posting);
        emit log_named_uint("  postEpoch, gas a contribution", posting / leaves);

        bytes32[] memory tree = leavesOf(claims);
        ledger.claim(claims[0], proofOf(tree, 0));
        emit log_named_uint("  claim alone, gas", vm.lastCallGas().gasTotalUsed);
        if (leaves <= 1) return posting;
        uint256 n = leaves - 1 < CLAIMS_AT_ONCE ? leaves - 1 : CLAIMS_AT_ONCE;
        ledger.claimMany(part(claims, 1, n), rangeProofOf(tree, 1, n));
        emit log_named_uint("  claimMany, new owners, gas a contribution", vm.lastCallGas().gasTotalUsed / n);
    }

    function test_PostingOneContribution() public {
        measure(1);
    }

    function test_PostingTenContributions() public {
        measure(10);
    }

    function test_PostingAHundredContributions() public {
        measure(100);
    }

    function test_PostingAThousandContributionsCostsAtMostAThousandGasEach() public {
        vm.assertLe(measure(1000), 1000 * 1000, "gas of postEpoch");
    }

    function claimFifty(uint256 owners, string memory what) private {
        distribute(1e6);
        address[] memory who = new address[](CLAIMS_AT_ONCE);
        uint256[] memory amounts = new uint256[](CLAIMS_AT_ONCE);
        for (uint256 i = 0; i < CLAIMS_AT_ONCE; i++) {
            (who[i], amounts[i]) = (member(i * owners / CLAIMS_AT_ONCE), 1e18);
        }
        Ledger.Claim[] memory claims = claimsOf(who, amounts);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        emit log_named_uint(what, vm.lastCallGas().gasTotalUsed / CLAIMS_AT_ONCE);
    }

    function changeGuardians(uint256 n) private returns (uint256 used) {
        Registry.Custody memory c = custody(sortedKeys("guardian", n), uint32(n), runnerKeys);
        for (uint256 i = 0; i < n; i++) {
            (c.commitments[i], c.oprfCommitments[i]) = (keccak256(abi.encode(n, i)), keccak256(abi.encode(i, n)));
        }
        vm.startPrank(address(timelock));
        registry.inviteGuardians(c.guardians, c.threshold);
        emit log_named_uint("inviteGuardians, gas", vm.lastCallGas().gasTotalUsed);
        vm.stopPrank();
        uint32 epoch = registry.committeeEpoch() + 1;
        Registry.Ceremony memory made = confirmed(address(registry), c, epoch, registry.recipient());
        registry.changeGuardians(
            c.guardians, c.commitments, c.oprfCommitments, c.threshold, made.transcript, made.confirmations
        );
        used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("changeGuardians, gas", used);
    }

    function test_ChangingToSixteenGuardiansCostsAtMostOneAndAHalfMillionGas() public {
        changeGuardians(3);
        vm.assertLe(changeGuardians(16), 1_500_000, "gas with the most guardians");
    }

    function test_ClaimingForOwnersWhoHaveSharesAlready() public {
        postAndClaim(CLAIMS_AT_ONCE);
        vm.warp(vm.getBlockTimestamp() + 1 days);
        claimFifty(CLAIMS_AT_ONCE, "claimMany, known owners, gas a contribution");
        vm.warp(vm.getBlockTimestamp() + 1 days);
        claimFifty(5, "claimMany, ten contributions an owner, gas a contribution");
    }
}
